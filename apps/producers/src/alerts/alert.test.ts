import { expect, test } from '@jest/globals';
import { checkPublishedFrame } from '@tickcast/protocol';
import { firingAlert, resolvedAlert } from './alert.ts';
import { parseRules } from './rules.ts';

function occasion(own: object = {}, subject = 'a1') {
  const [rule] = parseRules(JSON.stringify({ rules: [{ name: 'memory', type: 'agent_memory', percent: 80, ...own }] }));
  if (!rule) throw new Error('no rule');
  const reading = { subject, firing: true, value: 91.5, text: '内存使用率超过80%' };
  return { rule, threshold: 80, reading, episode: 1_701_234_567_000, now: 1_701_234_567_890.4 };
}

test('an alert has the fields of the seed, and those by which a program tells alerts apart', () => {
  const { data, eventId } = firingAlert(occasion());
  expect(data).toEqual({
    level: 'warning',
    message: '内存使用率超过80%',
    timestamp: 1_701_234_567.89,
    source: 'monitoring',
    rule: 'memory',
    subject: 'a1',
    state: 'firing',
    value: 91.5,
    threshold: 80,
  });
  expect(eventId).toBe('memory:a1:1701234567000:firing');
  const frame = Buffer.from(JSON.stringify({ type: 'alerts', data }));
  expect(checkPublishedFrame('alerts', frame)).toEqual({ key: null, status: null });
});

test('a rule may have a text, level and source of its own', () => {
  const own = { message: '{subject}: {value} > {threshold}, {other}', level: 'critical', source: 'ops' };
  expect(firingAlert(occasion(own)).data).toMatchObject({
    message: 'a1: 91.5 > 80, {other}',
    level: 'critical',
    source: 'ops',
  });
});

test('the follow-up says what is over, with the value of now', () => {
  const { rule, ...rest } = occasion({ level: 'critical' });
  const reading = { ...rest.reading, firing: false, value: 60 };
  const { data, eventId } = resolvedAlert({ ...rest, rule, reading }, '内存使用率超过80%');
  expect(data).toMatchObject({ state: 'resolved', level: 'info', message: '已恢复：内存使用率超过80%', value: 60 });
  expect(eventId).toBe('memory:a1:1701234567000:resolved');
  const over = resolvedAlert({ ...rest, rule, reading: { ...reading, lastWords: '不再等待' } }, 'x');
  expect(over.data.message).toBe('不再等待');
});

test('an event id is never longer than what Redis takes, and another for each episode and state', () => {
  const long = occasion({ name: 'n'.repeat(64) }, 's'.repeat(64));
  const ids = [
    firingAlert(long).eventId,
    firingAlert({ ...long, episode: long.episode + 1 }).eventId,
    resolvedAlert(long, '').eventId,
  ];
  expect(ids.every((id) => id.length <= 128)).toBe(true);
  expect(new Set(ids).size).toBe(3);
});
