import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type Bus, openBus } from '../bus.ts';
import type { Feed, Quote } from './feed.ts';
import { frameOf } from './quote-frame.ts';
import { createMarketRole } from './role.ts';

let redis: RedisServer;
let bus: Bus;
let registry: Registry;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  redis = await startRedis();
  bus = openBus({ redisUrl: redis.url, redisPrefix: 'tickcast:', log: pino({ level: 'silent' }) });
  registry = new Registry();
  stop = new AbortController();
  running = Promise.resolve();
});

afterEach(async () => {
  redis.resume();
  stop.abort();
  await running;
  bus.close();
  await redis.stop();
});

function run(feed: Feed): void {
  running = createMarketRole({ bus, feed, registry }).run(stop.signal);
}

const SYMBOLS = ['0005.HK', '0700.HK', '9988.HK'];

function quoteOf(symbol: string, volume: number): Quote {
  return { symbol, timestamp: 1_732_000_000 + volume, price: 400, open: 400, high: 400, low: 400, volume };
}

/** A feed of one's own. */
function feedOf(quotes: Feed['quotes'], symbols: readonly string[] = SYMBOLS): Feed {
  return { symbols: async () => symbols, quotes };
}

async function lastOf(symbol: string): Promise<{ seq: number; volume: number }> {
  const [seq, frame] = (await redis.cli('HMGET', `tickcast:{market_data:${symbol}}`, 'seq', 'frame')).split('\n');
  const { data } = JSON.parse(frame ?? '') as { data: { volume: number } };
  return { seq: Number(seq), volume: data.volume };
}

async function counted(name: string, labels: Record<string, string> = {}): Promise<number> {
  const metric = (await registry.getMetricsAsJSON()).find((one) => one.name === name);
  const found = metric?.values.find((one) =>
    Object.entries(labels).every(([label, value]) => Reflect.get(one.labels, label) === value),
  );
  return found?.value ?? 0;
}

test('every quote of a batch is published in its order, however many there are of one symbol', async () => {
  // What is offered before that waits, and of what waits only the newest is published.
  await eventually(() => bus.up);
  run(
    feedOf(async function* () {
      yield Array.from({ length: 500 }, (_, index) => quoteOf('0700.HK', index + 1));
    }),
  );
  await eventually(async () => expect(await lastOf('0700.HK')).toEqual({ seq: 500, volume: 500 }));
  await eventually(async () => expect(await counted('tickcast_quotes_published_total')).toBe(500));
  expect(await counted('tickcast_feed_symbols')).toBe(3);
  expect(await registry.metrics()).toMatch(/^tickcast_publish_seconds_count [1-9]/m);
});

test('a feed that fails is asked again, with the last values in the order in which they were published', async () => {
  const asked: Array<Array<[string, number]>> = [];
  run(
    feedOf(async function* (last) {
      asked.push([...last].map(([symbol, { volume }]) => [symbol, volume]));
      if (asked.length > 1) return;
      for (const [index, symbol] of ['9988.HK', '0700.HK', '9988.HK'].entries()) {
        yield [quoteOf(symbol, index)];
        await eventually(async () => (await lastOf(symbol)).volume === index);
      }
      throw new Error('the line to the exchange is cut');
    }),
  );
  await eventually(() => asked.length === 2, { withinMs: 15_000 });
  expect(asked).toEqual([
    [],
    [
      ['0700.HK', 1],
      ['9988.HK', 2],
    ],
  ]);
});

test('a term does not outlive its connection: what was sent on it might come after what is sent on the next one', async () => {
  const asked: number[] = [];
  run(
    feedOf(async function* (last, signal) {
      asked.push(last.get('0700.HK')?.volume ?? 0);
      yield [quoteOf('0700.HK', asked.length)];
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }),
  );
  await eventually(async () => expect(await lastOf('0700.HK')).toEqual({ seq: 1, volume: 1 }));
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  await eventually(async () => expect(await lastOf('0700.HK')).toEqual({ seq: 2, volume: 2 }), { withinMs: 15_000 });
  expect(asked).toEqual([0, 1]);
});

/** Publishes what the test adds to `due`, and tells what each term was given: symbols with their volumes. */
function feedBySteps(due: Quote[], asked: Array<Array<[string, number]>>): Feed {
  return feedOf(async function* (last, signal) {
    asked.push([...last].map(([symbol, { volume }]) => [symbol, volume]));
    for (; !signal.aborted; await sleep(5)) yield due.splice(0);
  });
}

test('what a Redis that comes back empty has lost is published again by the worker that knows it, and gone on from', async () => {
  const asked: Array<Array<[string, number]>> = [];
  run(feedBySteps([quoteOf('9988.HK', 4), quoteOf('0700.HK', 7)], asked));
  await eventually(async () => expect(await counted('tickcast_quotes_published_total')).toBe(2));
  await redis.restart({ keepData: false });
  await eventually(() => asked.length > 1, { withinMs: 20_000 });
  expect(asked[1]?.toSorted()).toEqual([
    ['0700.HK', 7],
    ['9988.HK', 4],
  ]);
  await eventually(async () => expect(await lastOf('9988.HK')).toEqual({ seq: 1, volume: 4 }));
  await eventually(async () => expect(await lastOf('0700.HK')).toEqual({ seq: 1, volume: 7 }));
});

test('of a Redis that comes back with older values than it had, the newer one of it and the worker counts', async () => {
  const asked: Array<Array<[string, number]>> = [];
  const due = [quoteOf('9988.HK', 4), quoteOf('0700.HK', 7)];
  run(feedBySteps(due, asked));
  await eventually(async () => expect((await lastOf('0700.HK')).volume).toBe(7));
  await redis.cli('SAVE');
  due.push(quoteOf('9988.HK', 5));
  await eventually(async () => expect(await counted('tickcast_quotes_published_total')).toBe(3));
  await redis.kill();
  await redis.start();
  await eventually(() => asked.length > 1, { withinMs: 20_000 });
  expect(asked[1]).toEqual([
    ['0700.HK', 7],
    ['9988.HK', 5],
  ]);
  await eventually(async () => expect(await lastOf('9988.HK')).toEqual({ seq: 1, volume: 5 }));
  expect((await lastOf('0700.HK')).volume).toBe(7);
});

test('as long as Redis has lost nothing its last values count, also one with an earlier timestamp than that of the worker', async () => {
  const asked: Array<Array<[string, number]>> = [];
  run(feedBySteps([quoteOf('0700.HK', 7)], asked));
  await eventually(async () => expect(await counted('tickcast_quotes_published_total')).toBe(1));
  // As of another worker, whose replay has begun again meanwhile.
  await bus.publisher.publish({ channel: 'market_data', key: '0700.HK' }, frameOf(quoteOf('0700.HK', 1)));
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  await eventually(() => asked.length > 1, { withinMs: 20_000 });
  expect(asked[1]).toEqual([['0700.HK', 1]]);
  expect(await lastOf('0700.HK')).toEqual({ seq: 2, volume: 1 });
});

test('a quote that is none costs no other one', async () => {
  run(
    feedOf(async function* () {
      yield [quoteOf('0005.HK', 1), { ...quoteOf('0700.HK', 2), price: Number.NaN }, quoteOf('9988.HK', 3)];
    }),
  );
  await eventually(async () => expect(await lastOf('9988.HK')).toEqual({ seq: 1, volume: 3 }));
  await eventually(async () => expect(await counted('tickcast_quotes_skipped_total', { reason: 'refused' })).toBe(1));
  expect(await counted('tickcast_quotes_published_total')).toBe(2);
  expect(await redis.cli('HGET', 'tickcast:{market_data:0700.HK}', 'frame')).toBe('');
});

test('a symbol whose stream or last value was spoilt by somebody costs no other one, and is told of in one warning', async () => {
  await eventually(() => bus.up);
  const name = (symbol: string): string => `tickcast:{market_data:${symbol}}`;
  const publish = (symbol: string, data: object): Promise<number> =>
    bus.publisher.publish(
      { channel: 'market_data', key: symbol },
      JSON.stringify({ type: 'market_data', symbol, data }),
    );
  await publish('0005.HK', { timestamp: 1_732_000_000, price: 70, volume: 5 });
  await publish('0388.HK', { timestamp: 1_732_000_000, price: -1, volume: 5 });
  await publish('0941.HK', { timestamp: 1_732_000_000, price: 65, volume: 5 });
  await redis.cli('HSET', name('0941.HK'), 'frame', '{"type":');
  await redis.cli('SET', name('0700.HK'), 'x');
  const warn = jest.spyOn(bus.log, 'warn');
  const symbols = ['0005.HK', '0388.HK', '0700.HK', '0941.HK', '9988.HK'];
  let given: ReadonlyMap<string, Quote> | undefined;
  run(
    feedOf(async function* (last) {
      given = last;
      yield symbols.map((symbol) => quoteOf(symbol, 9));
    }, symbols),
  );
  for (const symbol of ['0005.HK', '0388.HK', '0941.HK', '9988.HK']) {
    await eventually(async () => expect((await lastOf(symbol)).volume).toBe(9));
  }
  // What a publisher may leave out is taken from the price.
  const quote = { symbol: '0005.HK', timestamp: 1_732_000_000, price: 70, open: 70, high: 70, low: 70, volume: 5 };
  expect(given).toEqual(new Map([['0005.HK', quote]]));
  const told: unknown[] = warn.mock.calls.map(([about]) => about);
  expect(told.filter((about) => JSON.stringify(about).includes('symbols'))).toEqual([
    { symbols: ['0388.HK', '0700.HK', '0941.HK'], count: 3 },
  ]);
});

test('while Redis hangs, a feed is not held up: what it can not take is dropped, and the newest comes when it can', async () => {
  let volume = 0;
  let isLast = false;
  run(
    feedOf(async function* (_last, signal) {
      for (; !signal.aborted && !isLast; await sleep(2)) {
        volume += 1;
        yield SYMBOLS.map((symbol) => quoteOf(symbol, volume));
      }
      if (signal.aborted) return;
      volume += 1;
      yield SYMBOLS.map((symbol) => quoteOf(symbol, volume));
    }),
  );
  await eventually(async () => expect((await lastOf('0700.HK')).volume).toBeGreaterThan(50));
  redis.pause();
  const paused = volume;
  await eventually(() => volume > paused + 200);
  redis.resume();
  isLast = true;
  for (const symbol of SYMBOLS) {
    await eventually(async () => expect((await lastOf(symbol)).volume).toBe(volume), { withinMs: 15_000 });
    expect((await lastOf(symbol)).seq).toBeLessThan(volume);
  }
  expect(await counted('tickcast_quotes_skipped_total', { reason: 'superseded' })).toBeGreaterThan(0);
});

test('a worker that has to stop does not wait for a feed that has not told its symbols yet', async () => {
  const silent: Feed['quotes'] = async function* () {};
  const waiting: Feed = { symbols: () => new Promise(() => undefined), quotes: silent };
  const ended = createMarketRole({ bus, feed: waiting, registry }).run(stop.signal);
  stop.abort();
  expect(await ended).toBeUndefined();
});

test('a feed that names a symbol which is not in normal form, or can not tell its symbols, is refused', async () => {
  const refused = (feed: Feed): Promise<void> =>
    createMarketRole({ bus, feed, registry: new Registry() }).run(stop.signal);
  const silent: Feed['quotes'] = async function* () {};
  await expect(refused(feedOf(silent, ['700.HK']))).rejects.toThrow('not in normal form: "700.HK"');
  const broken = { symbols: () => Promise.reject(new Error('no such file')), quotes: silent };
  await expect(refused(broken)).rejects.toThrow('no such file');
});
