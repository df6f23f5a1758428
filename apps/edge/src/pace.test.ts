import { expect, test } from '@jest/globals';
import { Pace } from './pace.ts';

const RATE = 10;

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
    pace.arrived(now, waiting !== null);
    if (waiting === null && pace.dueAt <= now) {
      pace.sent(now);
      sends.push({ arrived: now, sent: now });
    } else waiting = now;
  }
  return sends;
}

function* every(ms: number, from: number, to: number): Generator<number> {
  for (let now = from; now < to; now += ms) yield now;
}

test('the first frame may go at once', () => {
  expect(new Pace(RATE).dueAt).toBe(Number.NEGATIVE_INFINITY);
});

test.each([1, 2, 4, 5, 10, 20])('a source just below the limit, %d a second, is not slowed down', (rate) => {
  const arrivals = [...every(1010 / rate, 0, 10_000)];
  expect(run(new Pace(rate), arrivals)).toEqual(arrivals.map((now) => ({ arrived: now, sent: now })));
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
  run(pace, every(101, 5000, 8000));
  const arrivals = [...every(101, 8000, 12_000)];
  expect(run(pace, arrivals).slice(1)).toEqual(arrivals.slice(1).map((now) => ({ arrived: now, sent: now })));
});

test('no second holds more frames than the limit', () => {
  const sends = run(new Pace(RATE), [...every(50, 0, 500), ...every(3, 500, 1500), ...every(90, 1500, 4000)]);
  for (const [index, { sent }] of sends.slice(RATE).entries()) {
    expect(sent - (sends[index]?.sent ?? 0)).toBeGreaterThanOrEqual(1000);
  }
});

test('an event that would be sent late for want of room is left to be merged into the next, which has room', () => {
  const pace = new Pace(10);
  for (const at of every(100, 0, 900)) pace.sent(at);
  // A hiccup: this frame was 60 ms late, and so would be the one that comes ten frames after it.
  pace.sent(960);
  for (const at of every(100, 1020, 1900)) {
    pace.arrived(at, false);
    expect(pace.dueAt).toBeLessThanOrEqual(at);
    pace.sent(at);
  }
  pace.arrived(1920, false);
  expect(pace.dueAt).toBe(2020);
  pace.arrived(2020, true);
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
