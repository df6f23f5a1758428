import { expect, test } from '@jest/globals';
import { isKey } from '@tickcast/protocol';
import { backtestIdOf, jobIdsOf, newBacktestId } from './backtest-ids.ts';

test('the id of a job is that of its backtest; a job of a scheduler has one made of its name and time', () => {
  expect(backtestIdOf('bt_1')).toBe('bt_1');
  expect(backtestIdOf('17')).toBe('17');
  expect(backtestIdOf('repeat:sample:1795355275489')).toBe('bt_sample_1795355275489');
});

test.each(['', 'a b', 'a:b', 'a{b}', 'x'.repeat(65), `repeat:${'n'.repeat(60)}:1795355275489`])(
  '%j can not be the key of a stream',
  (jobId) => {
    expect(backtestIdOf(jobId)).toBeNull();
  },
);

test('from the id of a backtest its job is found', () => {
  for (const jobId of ['bt_1', '17', 'repeat:sample:1795355275489', 'repeat:my_nightly_run:1', 'bt_a_7']) {
    expect(jobIdsOf(backtestIdOf(jobId) ?? '')).toContain(jobId);
  }
});

test('new ids are keys, and no two are the same', () => {
  const ids = Array.from({ length: 1000 }, newBacktestId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(isKey(id) && id.startsWith('bt_')).toBe(true);
});
