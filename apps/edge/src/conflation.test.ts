import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import { EPOCH, NEXT_EPOCH, numbered } from '../test/support/events.ts';
import { scheduleUnder } from '../test/support/parts.ts';
import { Conflation } from './conflation.ts';
import type { FlushSchedule } from './flush-schedule.ts';
import type { Traffic } from './reach.ts';

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

const BUSY: Traffic = { frames: 10_000, sockets: 1000 };
const IDLE: Traffic = { frames: 0, sockets: 0 };

/** A stream, what it was offered and what it sent. */
class Bench {
  readonly offered: Frame[] = [];
  readonly sent: Frame[] = [];
  readonly conflation: Conflation;
  readonly schedule: FlushSchedule;
  /** Of the node, as it is judged at the end of each window. */
  readonly traffic: Traffic;
  /** How often events were read that had been kept unread. */
  reads = 0;
  #seq = 0;
  #raws = 0;
  /** How long this process has been held up: no timer ran meanwhile. */
  #heldUpMs = 0;

  constructor(rate: number, traffic = IDLE) {
    this.traffic = { ...traffic };
    this.schedule = scheduleUnder({ rate, traffic: this.traffic, now: () => this.now });
    this.conflation = new Conflation(rate, this.schedule, {
      take: (events) => this.#take(events.map(({ seq }) => seq)),
      deliver: ({ event, conflated }) => this.#note('numbered', event.seq, conflated),
      deliverRaw: ({ frame, conflated }) => this.#note('raw', Number(frame.toString()), conflated),
    });
  }

  get now(): number {
    return performance.now() + this.#heldUpMs;
  }

  /** As after windows that took too long to write. */
  strain(): void {
    for (let times = 0; times < 3; times += 1) this.schedule.window.wrote(this.now, 100);
  }

  holdUp(ms: number): void {
    this.#heldUpMs += ms;
  }

  /** @param missing events that the newest one stands for, lost on the way from Redis */
  offerNumbered(missing = 0): void {
    this.#seq += 1 + missing;
    this.offered.push({ at: this.now, kind: 'numbered', number: this.#seq, conflated: missing });
    this.conflation.offer({ event: numbered(this.#seq), conflated: missing, holes: [] });
  }

  offerRaw(): void {
    this.#raws += 1;
    this.offered.push({ at: this.now, kind: 'raw', number: this.#raws, conflated: 0 });
    this.conflation.offerRaw(Buffer.from(String(this.#raws)));
  }

  /** Has that done when the window ends, if one is open: nothing is read before. */
  read(offer: () => void): void {
    this.schedule.window.judge(this.schedule.now());
    if (this.#inSocket.length > 0 || this.schedule.window.ms > 0) {
      this.#inSocket.push(offer);
      this.schedule.rest(this.#readAll);
    } else offer();
  }

  readonly #inSocket: Array<() => void> = [];
  readonly #readAll = (): void => {
    for (const offer of this.#inSocket.splice(0)) offer();
  };

  /** As it comes from Redis: only the last of many need be read. */
  offerMessage(): void {
    this.#seq += 1;
    this.offered.push({ at: this.now, kind: 'numbered', number: this.#seq, conflated: 0 });
    const event = numbered(this.#seq);
    if (!this.conflation.keep(event)) this.conflation.offer({ event, conflated: 0, holes: [] });
  }

  #take(seqs: readonly number[]) {
    this.reads += 1;
    return { event: numbered(seqs.at(-1) ?? 0), conflated: seqs.length - 1, holes: [] };
  }

  #note(kind: Frame['kind'], number: number, conflated: number): void {
    this.sent.push({ at: this.now, kind, number, conflated });
  }
}

const of = (frames: readonly Frame[], kind: Frame['kind']) => frames.filter((frame) => frame.kind === kind);

const arrival = fc.record({
  afterMs: fc.oneof(fc.nat(3), fc.nat(15), fc.nat(15), fc.nat(150), fc.integer({ min: 80, max: 120 }), fc.nat(4000)),
  how: fc.constantFrom('raw', 'numbered', 'message', 'message'),
  missing: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(3)),
  heldUpMs: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(20), fc.nat(400)),
  traffic: fc.constantFrom(BUSY, BUSY, IDLE),
  isStrain: fc.boolean(),
});

/** Of the higher ones several events of a stream may leave with one window. */
const rates = fc.oneof(
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 40, max: 300 }),
);

/** In which timers count. */
const TICK_MS = 1;
/** Where windows are open, frames are counted at the ends of them, after which they may leave by this. */
const LATE_MS = 10;

type Load = 'quiet' | 'busy' | 'strained' | 'changing' | 'read at the ends of windows';

/** With windows in which streams are collected, without them, where they take too long to write, and while they come and go. */
function forAnyArrivals(load: Load, claim: (bench: Bench, rate: number) => void): void {
  fc.assert(
    fc.property(rates, fc.array(arrival, { maxLength: 120 }), (rate, arrivals) => {
      const bench = new Bench(rate, load === 'quiet' ? IDLE : BUSY);
      for (const { afterMs, how, missing, heldUpMs, traffic, isStrain } of arrivals) {
        jest.advanceTimersByTime(afterMs);
        if (load !== 'quiet') bench.holdUp(heldUpMs);
        if (load === 'strained' && isStrain) bench.strain();
        if (load === 'changing') Object.assign(bench.traffic, traffic);
        const offer = () => {
          if (how === 'raw') bench.offerRaw();
          else if (how === 'message') bench.offerMessage();
          else bench.offerNumbered(missing);
        };
        if (load === 'read at the ends of windows') bench.read(offer);
        else offer();
      }
      jest.advanceTimersByTime(10_000);
      claim(bench, rate);
    }),
    { numRuns: 300 },
  );
}

const LOADS: Load[] = ['quiet', 'busy', 'strained', 'changing', 'read at the ends of windows'];

test.each(LOADS)('at most the limit is sent in any second, both kinds together, on a node that is %s', (load) => {
  forAnyArrivals(load, ({ sent }, rate) => {
    for (const [index, { at }] of sent.slice(rate).entries()) {
      expect(at - (sent[index]?.at ?? 0)).toBeGreaterThanOrEqual(1000 - (load === 'quiet' ? TICK_MS : LATE_MS));
    }
  });
});

test('the first frame after a quiet spell goes at once', () => {
  forAnyArrivals('quiet', ({ offered, sent }) => {
    for (const [index, { at, kind, number }] of offered.entries()) {
      if (at - (offered[index - 1]?.at ?? Number.NEGATIVE_INFINITY) < 3500) continue;
      expect(sent).toContainEqual(expect.objectContaining({ at, kind, number }));
    }
  });
});

test.each(LOADS)(
  'whatever is offered is soon sent or stood for by a newer frame of its kind, the last of a burst too, on a node that is %s',
  (load) => {
    forAnyArrivals(load, ({ offered, sent }, rate) => {
      // A window, and how long the process may have been held up in the meantime.
      const more = load === 'quiet' ? 20 : 2 * 168 + 3 * 400;
      const longestWait = 1.12 * (1000 + 1000 / rate) + 1000 / rate + more;
      for (const { at, kind, number } of offered) {
        const next = sent.find((frame) => frame.kind === kind && frame.number >= number);
        expect((next?.at ?? Number.POSITIVE_INFINITY) - at).toBeLessThanOrEqual(longestWait);
      }
    });
  },
);

test.each(LOADS)(
  'of each kind, delivered + conflated = offered: a raw frame never displaces a numbered one, on a node that is %s',
  (load) => {
    forAnyArrivals(load, ({ offered, sent }) => {
      for (const kind of ['numbered', 'raw'] as const) {
        const sum = (frames: readonly Frame[]) =>
          of(frames, kind).reduce((total, { conflated }) => total + 1 + conflated, 0);
        expect(sum(sent)).toBe(sum(offered));
      }
    });
  },
);

test.each(LOADS)('order is kept, and seq - conflated is the previous seq + 1, on a node that is %s', (load) => {
  forAnyArrivals(load, ({ sent }) => {
    for (const kind of ['numbered', 'raw'] as const) {
      let previous = 0;
      for (const { number, conflated } of of(sent, kind)) {
        expect(number - conflated).toBe(previous + 1);
        previous = number;
      }
    }
  });
});

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

test('the event after one that is left to be merged goes as it comes', () => {
  const bench = new Bench(10);
  // The last of the first second is 40 ms late, and so would be the last of the next one.
  for (const at of [0, 100, 200, 300, 400, 500, 600, 700, 800, 940, 1000, 1100, 1200, 1300, 1400, 1500, 1600]) {
    jest.advanceTimersByTime(at - bench.now);
    bench.offerNumbered();
  }
  for (const at of [1700, 1800, 1900, 2000, 2100, 2200]) {
    jest.advanceTimersByTime(at - bench.now);
    bench.offerMessage();
  }
  expect(bench.sent.filter(({ at }) => at > 1800)).toMatchObject([
    { at: 2000, conflated: 1 },
    { at: 2100, conflated: 0 },
    { at: 2200, conflated: 0 },
  ]);
});

/** Frames that a source gets sent in 20 s on a node whose windows end that late. */
function sentInTime(everyMs: number, lateMs: number): Frame[] {
  const bench = new Bench(10, BUSY);
  for (let at = 0; at < 20_000; at += everyMs) {
    jest.advanceTimersByTime(everyMs);
    bench.read(() => bench.offerMessage());
    const { ms } = bench.schedule.window;
    // Now and then a turn of the loop takes that long just when a window ends.
    if (ms > 0 && bench.now % ms < everyMs) bench.holdUp(lateMs);
  }
  return bench.sent;
}

test.each([0, 6, 12, 20])('windows that end %d ms late cost a fast source no frame', (lateMs) => {
  expect(sentInTime(20, lateMs).length).toBeGreaterThan(170);
});

test('a source just below the limit is not taken for a fast one by the ends of windows at which its frames leave', () => {
  const bench = new Bench(10, BUSY);
  for (let index = 0; index < 300; index += 1) {
    jest.advanceTimersByTime(205);
    // The second one can't leave with the first, and waits for the next window.
    bench.read(() => bench.offerMessage());
    bench.read(() => bench.offerRaw());
  }
  jest.advanceTimersByTime(1000);
  expect(bench.sent.map(({ conflated }) => conflated)).toEqual(bench.offered.map(() => 0));
  for (const [index, { at }] of bench.sent.entries()) expect(at - (bench.offered[index]?.at ?? 0)).toBeLessThan(120);
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

test('of a source that is ten times as fast as it is sent, most events are never read', () => {
  const bench = new Bench(10);
  for (let index = 0; index < 1000; index += 1) {
    bench.offerMessage();
    jest.advanceTimersByTime(10);
  }
  jest.advanceTimersByTime(1000);
  expect(bench.sent.at(-1)?.number).toBe(1000);
  expect(bench.reads).toBeLessThanOrEqual(bench.sent.length);
  expect(bench.sent.length).toBeLessThan(100);
});

test('a node that can never write in time lets one event of a stream into each window, and merges the others', () => {
  const sent = [false, true].map((isStrained) => {
    const bench = new Bench(200, BUSY);
    for (let index = 0; index < 500; index += 1) {
      if (isStrained) bench.strain();
      bench.offerNumbered();
      jest.advanceTimersByTime(10);
    }
    jest.advanceTimersByTime(1000);
    expect(bench.sent.reduce((sum, { conflated }) => sum + 1 + conflated, 0)).toBe(500);
    return { frames: bench.sent.length, windows: new Set(bench.sent.map(({ at }) => at)).size };
  });
  expect(sent[0]?.frames).toBe(500);
  expect(sent[1]?.frames).toBe(sent[1]?.windows);
  expect(sent[1]?.windows).toBeGreaterThan(80);
});

test('where a window has room for some events of a stream, the last of them is the newest, for all that had none', () => {
  const bench = new Bench(300, BUSY);
  const offer = (events: number) => {
    for (let index = 0; index < events; index += 1) {
      bench.offerNumbered();
      jest.advanceTimersByTime(5);
    }
  };
  offer(100);
  bench.strain();
  offer(60);
  // Eleven or twelve come in a window; a third less than that found room in it.
  const ends = [...new Set(bench.sent.map(({ at }) => at))].slice(-4);
  for (const end of ends) {
    const frames = bench.sent.filter(({ at }) => at === end);
    const newest = bench.offered.findLast(({ at }) => at < end);
    expect(frames.map(({ conflated }) => conflated > 0)).toEqual([false, false, false, false, false, false, true]);
    expect(frames.at(-1)?.number).toBe(newest?.number);
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
  const sink = { take: () => null, deliver: (delivery: unknown) => sent.push(delivery), deliverRaw: () => undefined };
  const conflation = new Conflation(10, scheduleUnder(), sink);
  const newest = numbered(2, { epoch: NEXT_EPOCH });
  for (const seq of [1, 2, 3]) conflation.offer({ event: numbered(seq), conflated: 0, holes: [] });
  const hole = { epoch: EPOCH, from: 4, to: null };
  conflation.offer({ event: numbered(1, { epoch: NEXT_EPOCH }), conflated: 0, holes: [hole] });
  conflation.offer({ event: newest, conflated: 0, holes: [] });
  jest.advanceTimersByTime(1000);
  expect(sent.slice(1)).toEqual([{ event: newest, conflated: 1, holes: [{ ...hole, from: 2 }] }]);
});
