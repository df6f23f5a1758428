import { expect, test } from '@jest/globals';
import { Metrics } from './metrics.ts';

test('the process is told of, but its loop is not woken up for samples', async () => {
  const page = await new Metrics().registry.metrics();
  const names = page.match(/^tickcast_(process|nodejs)_\w+/gm);
  expect(names).toEqual(
    expect.arrayContaining(['tickcast_process_cpu_seconds_total', 'tickcast_nodejs_eventloop_lag_seconds']),
  );
  expect(names?.filter((name) => /_lag_(?!seconds)/.test(name))).toEqual([]);
});
