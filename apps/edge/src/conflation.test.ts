import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import { EPOCH, NEXT_EPOCH, numbered } from '../test/support/events.ts';
import { Conflation } from './conflation.ts';
import { FlushSchedule } from './flush-schedule.ts';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

interface Frame {
  at: number;
  kind: 'numbered' | 'raw';
  /** `seq`, or the running number of a raw frame. */
  number: number;
  conflated: number;
}

/** A stream, what it was offered and what it sent. */
class Bench {
  readonly offered: Frame[] = [];
  readonly sent: Frame[] = [];
  readonly conflation: Conflation;
  #seq = 0;
  #raws = 0;

  constructor(rate: number) {
    this.conflation = new Conflation(rate, new FlushSchedule(), {
      deliver: ({ event, conflated }) => this.#note('numbered', event.seq, conflated),
      deliverRaw: ({ frame, conflated }) => this.#note('raw', Number(frame.toString()), conflated),
    });
  }

  /** @param missing events that the newest one stands for, lost on the way from Redis */
  offerNumbered(missing = 0): void {
    this.#seq += 1 + missing;
    this.offered.push({ at: performance.now(), kind: 'numbered', number: this.#seq, conflated: missing });
    this.conflation.offer({ event: numbered(this.#seq), conflated: missing, holes: [] });
  }

  offerRaw(): void {
    this.#raws += 1;
    this.offered.push({ at: performance.now(), kind: 'raw', number: this.#raws, conflated: 0 });
    this.conflation.offerRaw(Buffer.from(String(this.#raws)));
  }

  #note(kind: Frame['kind'], number: number, conflated: number): void {
    this.sent.push({ at: performance.now(), kind, number, conflated });
  }
}

const of = (frames: readonly Frame[], kind: Frame['kind']) => frames.filter((frame) => frame.kind === kind);

const arrival = fc.record({
  afterMs: fc.oneof(fc.nat(15), fc.nat(15), fc.nat(150), fc.integer({ min: 80, max: 120 }), fc.nat(4000)),
  raw: fc.boolean(),
  missing: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(3)),
});

/** Checks `claim` for any limit and any arrivals. */
function forAnyArrivals(claim: (bench: Bench, rate: number) => void): void {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(arrival, { maxLength: 120 }), (rate, arrivals) => {
      const bench = new Bench(rate);
      for (const { afterMs, raw, missing } of arrivals) {
        jest.advanceTimersByTime(afterMs);
        if (raw) bench.offerRaw();
        else bench.offerNumbered(missing);
      }
      jest.advanceTimersByTime(10_000);
      claim(bench, rate);
    }),
    { numRuns: 300 },
  );
}

test('at most the limit is sent in any second, both kinds together', () => {
  forAnyArrivals(({ sent }, rate) => {
    for (const [index, { at }] of sent.slice(rate).entries()) {
      expect(at - (sent[index]?.at ?? 0)).toBeGreaterThanOrEqual(1000);
    }
  });
});

test('the first frame after a quiet spell goes at once', () => {
  forAnyArrivals(({ offered, sent }) => {
    for (const [index, { at, kind, number }] of offered.entries()) {
      if (at - (offered[index - 1]?.at ?? Number.NEGATIVE_INFINITY) < 3500) continue;
      expect(sent).toContainEqual(expect.objectContaining({ at, kind, number }));
    }
  });
});

test('whatever is offered is soon sent or stood for by a newer frame of its kind, the last of a burst too', () => {
  forAnyArrivals(({ offered, sent }, rate) => {
    const longestWait = 1.12 * (1000 + 1000 / rate) + 1000 / rate + 20;
    for (const { at, kind, number } of offered) {
      const next = sent.find((frame) => frame.kind === kind && frame.number >= number);
      expect((next?.at ?? Number.POSITIVE_INFINITY) - at).toBeLessThanOrEqual(longestWait);
    }
  });
});

test('of each kind, delivered + conflated = offered: a raw frame never displaces a numbered one', () => {
  forAnyArrivals(({ offered, sent }) => {
    for (const kind of ['numbered', 'raw'] as const) {
      const sum = (frames: readonly Frame[]) =>
        of(frames, kind).reduce((total, { conflated }) => total + 1 + conflated, 0);
      expect(sum(sent)).toBe(sum(offered));
    }
  });
});

test('order is kept, and seq - conflated is the previous seq + 1', () => {
  forAnyArrivals(({ sent }) => {
    for (const kind of ['numbered', 'raw'] as const) {
      let previous = 0;
      for (const { number, conflated } of of(sent, kind)) {
        expect(number - conflated).toBe(previous + 1);
        previous = number;
      }
    }
  });
});

/** Ten a second, and the guard against jitter on the way. */
const BELOW_LIMIT_MS = 101;

test('a source just below the limit is not slowed down', () => {
  const bench = new Bench(10);
  for (let index = 0; index < 100; index += 1) {
    bench.offerNumbered();
    jest.advanceTimersByTime(BELOW_LIMIT_MS);
  }
  expect(bench.sent).toEqual(bench.offered);
});

test('a source just below the limit whose frames jitter is not merged, and late by no more than it jitters', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { minLength: 2, maxLength: 80 }), (jitters) => {
      const bench = new Bench(10);
      const start = performance.now();
      for (const [index, jitter] of jitters.entries()) {
        jest.advanceTimersByTime(start + index * BELOW_LIMIT_MS + jitter - performance.now());
        bench.offerNumbered();
      }
      jest.advanceTimersByTime(2000);
      expect(bench.sent.map(({ number }) => number)).toEqual(bench.offered.map(({ number }) => number));
      for (const [index, { at }] of bench.sent.entries()) {
        expect(at - start - index * BELOW_LIMIT_MS).toBeLessThanOrEqual(45);
      }
    }),
  );
});

test('a faster source is spaced evenly as soon as it is known to be one', () => {
  const bench = new Bench(10);
  for (let index = 0; index < 150; index += 1) {
    bench.offerNumbered();
    jest.advanceTimersByTime(20);
  }
  const spaced = bench.sent.slice(1).map(({ at }) => at);
  expect(spaced.length).toBeGreaterThan(20);
  for (const [index, at] of spaced.slice(1).entries()) {
    expect(at - (spaced[index] ?? 0)).toBeGreaterThanOrEqual(110);
    // The tenth after the unspaced first ones makes up for them.
    expect(at - (spaced[index] ?? 0)).toBeLessThanOrEqual(index === 8 ? 175 : 120);
  }
});

test('neither kind starves the other', () => {
  const bench = new Bench(10);
  for (let index = 0; index < 1000; index += 1) {
    bench.offerNumbered();
    bench.offerRaw();
    jest.advanceTimersByTime(5);
  }
  const kinds = bench.sent.slice(2).map(({ kind }) => kind);
  expect(kinds.length).toBeGreaterThan(30);
  for (const [index, kind] of kinds.slice(1).entries()) expect(kind).not.toBe(kinds[index]);
});

test('a hole after events that were still waiting begins with them: nobody got them', () => {
  const sent: unknown[] = [];
  const sink = { deliver: (delivery: unknown) => sent.push(delivery), deliverRaw: () => undefined };
  const conflation = new Conflation(10, new FlushSchedule(), sink);
  const newest = numbered(2, { epoch: NEXT_EPOCH });
  for (const seq of [1, 2, 3]) conflation.offer({ event: numbered(seq), conflated: 0, holes: [] });
  const hole = { epoch: EPOCH, from: 4, to: null };
  conflation.offer({ event: numbered(1, { epoch: NEXT_EPOCH }), conflated: 0, holes: [hole] });
  conflation.offer({ event: newest, conflated: 0, holes: [] });
  jest.advanceTimersByTime(1000);
  expect(sent.slice(1)).toEqual([{ event: newest, conflated: 1, holes: [{ ...hole, from: 2 }] }]);
});
