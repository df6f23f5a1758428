import { expect, test } from '@jest/globals';
import type { TickcastError } from './errors.ts';
import { type Received, receivedEvent } from './events.ts';
import type { MarketData, Push } from './generated/protocol.ts';
import { EventQueue, type Overflow } from './queue.ts';

/** A quote of number `seq`, a raw one without. */
function quote(symbol: string, seq?: number, more: Partial<MarketData> = {}): Received<Push> {
  const data = { timestamp: 1, price: 2, volume: 3 };
  return receivedEvent<Push>(
    { type: 'market_data', symbol, data, ...(seq && { seq }), ...more },
    'e',
    `${symbol} ${seq}`,
  );
}

function queueWith(overflow: Overflow) {
  const dropped: Array<number | undefined> = [];
  const errors: string[] = [];
  const queue: EventQueue<Received<Push>> = new EventQueue({
    overflow,
    dropped: ({ seq }) => dropped.push(seq),
    overflowed(error: TickcastError) {
      errors.push(error.code);
      queue.end(error);
    },
  });
  /** Everything that waits. */
  const drain = async () => {
    queue.end(null);
    const events: Array<Received<Push>> = [];
    for (let next = await queue.next(); !next.done; next = await queue.next()) events.push(next.value);
    return events;
  };
  return { queue, dropped, errors, drain };
}

/** What an application looks at. */
function told(events: Array<Received<Push>>): object[] {
  return (events as Array<Received<MarketData>>).map(({ symbol, seq, conflated, lost }) => {
    return { symbol, seq, ...(conflated !== undefined && { conflated }), ...(lost !== undefined && { lost }) };
  });
}

test('latest: the newest of each stream stands for those before it, and a stream that waits keeps its turn', async () => {
  const { queue, drain, dropped } = queueWith('latest');
  queue.push(quote('A', 1));
  queue.push(quote('B', 7));
  queue.push(quote('A', 4, { conflated: 2 }));
  queue.push(quote('A', 5));
  const events = await drain();
  expect(told(events)).toEqual([
    { symbol: 'A', seq: 5, conflated: 4 },
    { symbol: 'B', seq: 7 },
  ]);
  expect(events.map(({ raw }) => raw)).toEqual(['A 5', 'B 7']);
  expect(dropped).toEqual([]);
});

test('latest: a raw event is never in the place of a numbered one', async () => {
  const { queue, drain } = queueWith('latest');
  queue.push(quote('A', 1));
  queue.push(quote('A'));
  queue.push(quote('A'));
  expect(told(await drain())).toEqual([
    { symbol: 'A', seq: 1 },
    { symbol: 'A', seq: undefined, conflated: 1 },
  ]);
});

test('buffer: the oldest is dropped, and the next event of its stream says how many are lost', async () => {
  const { queue, drain, dropped } = queueWith({ buffer: 2 });
  queue.push(quote('A', 2, { conflated: 1 }));
  queue.push(quote('B', 1));
  queue.push(quote('A', 3));
  queue.push(quote('A', 4));
  expect(dropped).toEqual([2, 1]);
  expect(told(await drain())).toEqual([
    { symbol: 'A', seq: 3, lost: 2 },
    { symbol: 'A', seq: 4 },
  ]);
});

test('error: what waits can still be read, then slow_consumer is raised, once', async () => {
  const { queue, errors } = queueWith({ error: 2 });
  for (const seq of [1, 2, 3, 4]) queue.push(quote('A', seq));
  expect(errors).toEqual(['slow_consumer']);
  const values = [await queue.next(), await queue.next()].map(({ value }) => value?.seq);
  expect(values).toEqual([1, 2]);
  await expect(queue.next()).rejects.toMatchObject({ code: 'slow_consumer' });
  expect(await queue.next()).toEqual({ done: true, value: undefined });
});

test('an event goes straight to who waits for it, in the order of asking', async () => {
  const { queue } = queueWith({ error: 1 });
  const asked = [queue.next(), queue.next(), queue.next()];
  queue.push(quote('A', 1));
  queue.push(quote('A', 2));
  queue.end(null);
  const seen = (await Promise.all(asked)).map(({ done, value }) => (done === true ? 'done' : value?.seq));
  expect(seen).toEqual([1, 2, 'done']);
});

test('what is cleared is not even read any more', async () => {
  const { queue } = queueWith('latest');
  queue.push(quote('A', 1));
  queue.clear();
  queue.push(quote('A', 2));
  expect(await queue.next()).toEqual({ done: true, value: undefined });
});
