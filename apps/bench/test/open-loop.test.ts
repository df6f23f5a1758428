import { expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import { OpenLoop } from '../src/publish/open-loop.ts';
import { Pace } from '../src/publish/pace.ts';

const TOPICS = ['market_data:1000.HK', 'market_data:1001.HK', 'alerts'];

/** Keeps what it is given. */
function createSink(publish: () => Promise<unknown> = async () => undefined) {
  const events: Array<{ topic: string; frame: string }> = [];
  return {
    events,
    publish(topic: string, frame: string) {
      events.push({ topic, frame });
      return publish();
    },
    close: () => undefined,
  };
}

function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('the moments of a pace are counted from its start', () => {
  const pace = new Pace(100, 4);
  expect([0, 1, 8].map((n) => pace.moment(n))).toEqual([100, 100.25, 102]);
  expect([99.9, 100, 100.24, 100.25, 102].map((now) => pace.dueBy(now))).toEqual([0, 1, 1, 2, 9]);
});

test('at no pace at all everything is due at the start', () => {
  expect(new Pace(100, Infinity).dueBy(100)).toBe(Infinity);
});

test('a publisher that was held up sends what it owes, and says how late it was', async () => {
  const sink = createSink();
  const loop = new OpenLoop(sink, { topics: TOPICS, perSecond: 1000, total: Infinity, unixOffset: 0 });
  loop.start();
  await eventually(() => sink.events.length > 5);
  loop.mark();
  const before = sink.events.length;
  blockFor(200);
  await eventually(() => sink.events.length >= before + 200);
  const { latestMs, sent } = await loop.stop();
  expect(latestMs).toBeGreaterThanOrEqual(190);
  expect(sent).toBe(sink.events.length);
});

test('it goes on while Redis does not answer', async () => {
  let answer: (value: unknown) => void = () => undefined;
  const late = new Promise((resolve) => (answer = resolve));
  const sink = createSink(() => late);
  const loop = new OpenLoop(sink, { topics: TOPICS, perSecond: 1000, total: 20, unixOffset: 0 });
  loop.start();
  await eventually(() => sink.events.length === 20);
  expect(loop.mark()).toMatchObject({ sent: 20, confirmed: 0, done: false });
  answer(1);
  expect(await loop.stop()).toMatchObject({ sent: 20, confirmed: 20, done: true });
});

test('topics take turns, and every frame carries its moment', async () => {
  const sink = createSink();
  const loop = new OpenLoop(sink, { topics: TOPICS, perSecond: Infinity, total: 2000, unixOffset: 0 });
  loop.start();
  await eventually(() => loop.mark().done);
  expect(sink.events.map(({ topic }) => topic)).toEqual(Array.from({ length: 2000 }, (_, n) => TOPICS[n % 3]));
  const frames = sink.events.map(({ frame }) => JSON.parse(frame) as { type: string; data: { timestamp: number } });
  expect(frames.slice(0, 3).map(({ type }) => type)).toEqual(['market_data', 'market_data', 'alerts']);
  const moments = frames.map(({ data }) => data.timestamp);
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
});

test('an event that Redis refuses makes the run worthless', async () => {
  const sink = createSink(() => Promise.reject(new Error('no')));
  const loop = new OpenLoop(sink, { topics: TOPICS, perSecond: Infinity, total: 1, unixOffset: 0 });
  loop.start();
  await expect(loop.stop()).rejects.toThrow('an event was not published: Error: no');
});
