import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Pace } from './pace.ts';

const RATE = 10;
/** Moments are floats. */
const ROUNDING_MS = 1e-6;
/** In which timers count. */
const TICK_MS = 1;

/** Sends each arrival as soon as the pace allows it; a newer one takes the place of one that waits. */
function run(pace: Pace, arrivals: Iterable<number>): Array<{ arrived: number; sent: number }> {
  const sends: Array<{ arrived: number; sent: number }> = [];
  let waiting: number | null = null;
  for (const now of arrivals) {
    if (waiting !== null && pace.dueAt <= now) {
      const sent = pace.dueAt;
      pace.sent(sent);
      sends.push({ arrived: waiting, sent });
      waiting = null;
    }
    pace.arrived(now, waiting !== null, 0);
    waiting = now;
    if (pace.dueAt > now) continue;
    pace.sent(now);
    sends.push({ arrived: now, sent: now });
    waiting = null;
  }
  return sends;
}

function* every(ms: number, from: number, to: number): Generator<number> {
  for (let now = from; now < to; now += ms) yield now;
}

test('the first frame may go at once', () => {
  expect(new Pace(RATE).dueAt).toBe(Number.NEGATIVE_INFINITY);
});

test.each([1, 2, 4, 5, 10, 20])('a source at just the limit, %d a second, is not slowed down', (rate) => {
  const arrivals = [...every(1000 / rate, 0, 60_000)];
  expect(run(new Pace(rate), arrivals)).toEqual(arrivals.map((now) => ({ arrived: now, sent: now })));
});

const LAST_MS = 60_000;

test('one that jitters by up to 2 ms is not merged, and late by no more than it jitters, for however long', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ min: 0, max: 2, noNaN: true }), { minLength: 2, maxLength: 400 }), (jitters) => {
      const arrivals = jitters.map((jitter, index) => index * 100 + jitter);
      const sends = run(new Pace(RATE), [...arrivals, LAST_MS]).slice(0, arrivals.length);
      expect(sends.map(({ arrived }) => arrived)).toEqual(arrivals);
      for (const { arrived, sent } of sends) expect(sent - arrived).toBeLessThanOrEqual(2);
    }),
  );
});

test('a hiccup of a source at just the limit makes one frame late a second later, and is made up for by merging one event', () => {
  const arrivals = [...every(100, 0, 60_000)].map((now) => (now === 5000 ? now + 20 : now));
  const sends = run(new Pace(RATE), arrivals);
  const late = sends.filter(({ arrived, sent }) => sent > arrived);
  expect(late).toEqual([{ arrived: 6000, sent: 6019 }]);
  expect(sends).toHaveLength(arrivals.length - 1);
});

test('a source up to the limit catches up after a hiccup, at half the spacing', () => {
  const hiccup = [400, 400, 400, 400];
  const sends = run(new Pace(RATE), [0, 100, ...hiccup.map((now, late) => now + late * 50), 600, 700]);
  expect(sends.every(({ arrived, sent }) => sent === arrived)).toBe(true);
});

test('a faster source is spaced evenly, a little under the limit', () => {
  const sends = run(new Pace(RATE), every(7, 0, 10_000)).filter(({ sent }) => sent > 2000);
  const gaps = sends.slice(1).map(({ sent }, index) => sent - (sends[index]?.sent ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(1000 / RATE);
  expect(Math.max(...gaps)).toBeLessThan(1.2 * (1000 / RATE));
});

test('a source that comes down to the limit is let through as it comes again', () => {
  const pace = new Pace(RATE);
  run(pace, every(7, 0, 5000));
  const sends = run(pace, every(101, 5000, 14_000)).filter(({ arrived }) => arrived > 8000);
  expect(sends.length).toBeGreaterThan(50);
  expect(sends).toEqual(sends.map(({ arrived }) => ({ arrived, sent: arrived })));
});

test('no second holds more frames than the limit, whatever comes', () => {
  const gaps = fc.oneof(fc.float({ min: 95, max: 105, noNaN: true }), fc.nat(20), fc.nat(200));
  fc.assert(
    fc.property(fc.array(gaps, { minLength: 20, maxLength: 300 }), (pauses) => {
      let now = 0;
      const sends = run(
        new Pace(RATE),
        pauses.map((pause) => (now += pause)),
      );
      for (const [index, { sent }] of sends.slice(RATE).entries()) {
        expect(sent - (sends[index]?.sent ?? 0)).toBeGreaterThan(1000 - TICK_MS - ROUNDING_MS);
      }
    }),
    { numRuns: 1000 },
  );
});

test('an event that would be sent late for want of room is left to be merged into the next, which has room', () => {
  const pace = new Pace(10);
  for (const at of [...every(100, 0, 900), 960]) {
    // A hiccup: the last frame is 60 ms late, and so would be the one that comes ten frames after it.
    pace.arrived(at, false, 0);
    pace.sent(at);
  }
  for (const at of every(100, 1020, 1900)) {
    pace.arrived(at, false, 0);
    expect(pace.dueAt).toBeLessThanOrEqual(at);
    pace.sent(at);
  }
  pace.arrived(1920, false, 0);
  // When that is a little late, it is waited for.
  expect(pace.dueAt).toBe(2040);
  pace.arrived(2020, true, 0);
  expect(pace.dueAt).toBeLessThanOrEqual(2020);
});

test.each([12, 15, 20, 50, 200])(
  'of a source of %d a second, over the limit, a frame goes at least every 180 ms, and never more than 10 in a second',
  (perSecond) => {
    for (const offset of [0, 3, 17, 49]) {
      const sends = run(new Pace(RATE), every(1000 / perSecond, offset, 30_000)).map(({ sent }) => sent);
      const gaps = sends.slice(1).map((sent, index) => sent - (sends[index] ?? 0));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(180);
      for (const [index, sent] of sends.slice(RATE).entries()) expect(sent - (sends[index] ?? 0)).toBeGreaterThan(1000);
    }
  },
);
