import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Alert } from './alert.ts';
import { type Change, createEpisodes, type EpisodeRecord } from './episodes.ts';
import { type AlertRule, parseRules } from './rules.ts';

function ruleOf({ cooldown = 300, lasting = 0 } = {}): AlertRule {
  const own = { cooldown_seconds: cooldown, for_seconds: lasting };
  const [rule] = parseRules(JSON.stringify({ rules: [{ name: 'r', type: 'agent_memory', percent: 80, ...own }] }));
  if (!rule) throw new Error('no rule');
  return rule;
}

/** true: firing, false: over, null: nothing is known. */
type Seen = boolean | null;

/** A worker that watches one subject, what it wrote to Redis, and what Redis published: an event id is published once. */
function world(rule: AlertRule) {
  const stored = new Map<string, EpisodeRecord>();
  const published = new Map<string, Alert & { at: number }>();
  let episodes = createEpisodes([]);

  const write = (changes: readonly Change[]): void => {
    for (const { subject, record } of changes) {
      if (record === null) stored.delete(subject);
      else stored.set(subject, JSON.parse(JSON.stringify(record)) as EpisodeRecord);
    }
  };

  return {
    stored,
    judge(now: number, seen: Seen): void {
      const readings = seen === null ? [] : [{ subject: 's', firing: seen, value: seen ? 90 : 10, text: 'text' }];
      write(episodes.judge(rule, 80, readings, now));
    },
    /** Publishes what is decided; a worker killed in between has not noted that it was. */
    tell(now: number, { isKilled = false } = {}): void {
      for (const [subject, { untold }] of stored) {
        if (untold === null) continue;
        if (!published.has(untold.eventId)) published.set(untold.eventId, { ...untold, at: now });
        if (!isKilled) write(episodes.told(rule.name, subject));
      }
    },
    takeOver(): void {
      episodes = createEpisodes(Array.from(stored, ([subject, record]) => ({ rule: rule.name, subject, record })));
    },
    openCount: () => episodes.openCount(rule.name),
    /** `[seconds, state]` of each alert, in order. */
    alerts: () => Array.from(published.values(), ({ at, data }) => [at / 1000, data.state] as const),
    messages: () => Array.from(published.values(), ({ data }) => data.message),
  };
}

/** Judges and tells once a second. */
function run(rule: AlertRule, trace: readonly Seen[]) {
  const one = world(rule);
  for (const [second, seen] of trace.entries()) {
    one.judge(second * 1000, seen);
    one.tell(second * 1000);
  }
  return one;
}

/** `+` firing, `-` over, `.` unknown: a second each. */
const trace = (text: string): Seen[] => Array.from(text, (sign) => (sign === '.' ? null : sign === '+'));
const alertsOf = (text: string, options: Parameters<typeof ruleOf>[0]) => run(ruleOf(options), trace(text)).alerts();

test('an episode is announced once, and resolved when it is over', () => {
  expect(alertsOf('--+++---', { cooldown: 0 })).toEqual([
    [2, 'firing'],
    [5, 'resolved'],
  ]);
});

test('what is not known changes nothing', () => {
  expect(alertsOf('.+..+..-..', { cooldown: 0 })).toEqual([
    [1, 'firing'],
    [7, 'resolved'],
  ]);
});

test('within the cool-down of its announcement a subject is not announced again, and its end neither', () => {
  expect(alertsOf('+-+-+-----', { cooldown: 8 })).toEqual([
    [0, 'firing'],
    [1, 'resolved'],
  ]);
});

test('what still holds at the end of the cool-down is announced then', () => {
  expect(alertsOf('+-++++++', { cooldown: 5 })).toEqual([
    [0, 'firing'],
    [1, 'resolved'],
    [5, 'firing'],
  ]);
});

test('what was announced is not announced again, however long it lasts', () => {
  expect(alertsOf('+'.repeat(60), { cooldown: 5 })).toEqual([[0, 'firing']]);
});

test('with for_seconds a condition has to hold so long without a break', () => {
  expect(alertsOf('++-+++++-', { cooldown: 0, lasting: 3 })).toEqual([
    [6, 'firing'],
    [8, 'resolved'],
  ]);
});

test('subjects of one rule have episodes of their own', () => {
  const episodes = createEpisodes([]);
  const reading = (subject: string, firing: boolean) => ({ subject, firing, value: 1, text: 'x' });
  const changes = episodes.judge(ruleOf(), 80, [reading('a', true), reading('b', false), reading('c', true)], 0);
  expect(changes.map(({ subject }) => subject)).toEqual(['a', 'c']);
  expect(episodes.openCount('r')).toBe(2);
});

test('a subject with an alert that is not told yet waits: what comes and goes meanwhile is nothing to tell', () => {
  const one = world(ruleOf({ cooldown: 0 }));
  for (const [second, seen] of trace('+-+-+').entries()) one.judge(second * 1000, seen);
  one.tell(5000);
  one.judge(6000, true);
  one.tell(6000);
  expect(one.alerts()).toEqual([[5, 'firing']]);
  one.judge(7000, false);
  one.tell(7000);
  expect(one.alerts()).toEqual([
    [5, 'firing'],
    [7, 'resolved'],
  ]);
});

test('the follow-up says what was said when it began, also from the worker that took over', () => {
  const one = world(ruleOf());
  one.judge(0, true);
  one.tell(0);
  one.takeOver();
  expect(one.openCount()).toBe(1);
  one.judge(1000, false);
  one.tell(1000);
  expect(one.messages()).toEqual(['text', '已恢复：text']);
});

test('a worker that takes over tells what was decided and not told, and does not tell again what was', () => {
  const one = world(ruleOf());
  one.judge(0, true);
  one.takeOver();
  one.tell(1000, { isKilled: true });
  one.takeOver();
  one.judge(2000, true);
  one.tell(2000);
  expect(one.alerts()).toEqual([[1, 'firing']]);
});

test('a record goes when its cool-down is over, or nothing was known of its subject for a week', () => {
  const rule = ruleOf({ cooldown: 5 });
  expect(run(rule, trace('+-...')).stored.size).toBe(1);
  expect(run(rule, trace('+-....')).stored.size).toBe(0);
  const forgotten = run(rule, trace('+'));
  forgotten.judge(7 * 86_400_000 - 1, null);
  expect(forgotten.stored.size).toBe(1);
  forgotten.judge(7 * 86_400_000, null);
  expect([forgotten.stored.size, forgotten.openCount()]).toEqual([0, 0]);
});

/** What the documentation says, looked up in the whole history for each second. */
function expected(seen: readonly Seen[], { cooldown, lasting }: { cooldown: number; lasting: number }) {
  const alerts: Array<readonly [number, string]> = [];
  const holdsSince = (second: number): number | null => {
    const lastOver = seen.slice(0, second + 1).lastIndexOf(false);
    const first = seen.slice(lastOver + 1, second + 1).indexOf(true);
    return first === -1 ? null : lastOver + 1 + first;
  };
  for (const second of seen.keys()) {
    const announced = alerts.findLast(([, state]) => state === 'firing');
    const isOpen = alerts.at(-1)?.[1] === 'firing';
    const since = holdsSince(second);
    if (isOpen && since === null) alerts.push([second, 'resolved']);
    const holdsLongEnough = seen[second] === true && since !== null && second - since >= lasting;
    const isCool = announced === undefined || second - announced[0] >= cooldown;
    if (!isOpen && holdsLongEnough && isCool) alerts.push([second, 'firing']);
  }
  return alerts;
}

const traces = fc.array(fc.constantFrom(true, true, true, false, false, null), { maxLength: 60 });
const times = fc.record({ cooldown: fc.integer({ min: 0, max: 12 }), lasting: fc.integer({ min: 0, max: 5 }) });

describe('for any course of things', () => {
  test('the alerts are those of the documentation', () => {
    fc.assert(
      fc.property(traces, times, (seen, options) => {
        expect(run(ruleOf(options), seen).alerts()).toEqual(expected(seen, options));
      }),
    );
  });

  test('taking over changes nothing of what is told', () => {
    fc.assert(
      fc.property(traces, fc.integer({ min: 0, max: 12 }), fc.infiniteStream(fc.boolean()), (seen, cooldown, kills) => {
        const one = world(ruleOf({ cooldown }));
        for (const [second, state] of seen.entries()) {
          one.judge(second * 1000, state);
          const isKilled = kills.next().value === true;
          one.tell(second * 1000, { isKilled });
          if (isKilled) {
            one.takeOver();
            one.tell(second * 1000);
          }
        }
        expect(one.alerts()).toEqual(expected(seen, { cooldown, lasting: 0 }));
      }),
    );
  });

  test('slow telling, kills and all: each end follows its beginning, never too soon after another, and the last word is true', () => {
    const steps = fc.array(
      fc.record({
        seen: fc.constantFrom(true, false, null),
        fate: fc.constantFrom('tell', 'wait', 'wait', 'kill', 'tell and kill'),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 12 }), fc.boolean(), (course, cooldown, lastly) => {
        const one = world(ruleOf({ cooldown }));
        let now = 0;
        for (const { seen, fate } of course) {
          one.judge(now, seen);
          if (fate.startsWith('tell')) one.tell(now, { isKilled: fate !== 'tell' });
          if (fate.endsWith('kill')) one.takeOver();
          now += 1000;
        }
        for (let second = 0; second <= cooldown + 2; second++, now += 1000) {
          one.judge(now, lastly);
          one.tell(now);
        }
        const alerts = one.alerts();
        for (const [index, [, state]] of alerts.entries()) expect(state).toBe(index % 2 === 0 ? 'firing' : 'resolved');
        expect(alerts.length % 2).toBe(lastly ? 1 : 0);
        expect(one.openCount()).toBe(lastly ? 1 : 0);
      }),
    );
  });
});
