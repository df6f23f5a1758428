/** Whatever is published on the streams' channels in Redis: only good frames reach a client. */
import { type Commands, connectCommands } from '@tickcast/backplane';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Frame, type TestClient, eventually } from '@tickcast/testing';
import * as fc from 'fast-check';
import { type Bystander, startBystander } from './support/bystander.ts';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { type SingleEdge, startSingleEdge } from './support/single-edge.ts';

/** Each stream watched, by its Pub/Sub channel, with a good frame of it. */
const STREAMS = {
  'tickcast:{market_data:0700.HK}': marketData('0700.HK'),
  'tickcast:{agent_status}': agentStatus('coordinator'),
  'tickcast:{backtest_progress}': backtestProgress('bt_1'),
  'tickcast:{alerts}': alert('good'),
};
const CHANNELS = Object.keys(STREAMS);

let world: SingleEdge;
let bystander: Bystander;
let redis: Commands;
let client: TestClient;

beforeAll(async () => {
  world = await startSingleEdge();
  bystander = await startBystander(world);
  redis = connectCommands(world.redis.url, { timeoutMs: 5000 });
  await eventually(() => redis.status === 'ready');
  client = await world.connect();
  await client.request({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
  for (const channel of ['agent_status', 'backtest_progress', 'alerts']) {
    await client.request({ type: 'subscribe', channel });
  }
});

afterAll(() => redis.disconnect());

afterEach(() => bystander.isUndisturbed());

/**
 * What reached the client of messages published on a channel: a good frame behind them tells that they are through.
 * Pushes of market_data wait for their turn, so they are awaited one by one.
 */
async function deliveredOf(channel: string, messages: ReadonlyArray<string | Uint8Array>): Promise<Frame[]> {
  const start = client.frames.length;
  for (const message of messages) await redis.publish(channel, Buffer.from(message));
  const marker = Math.random();
  await redis.publish(channel, JSON.stringify({ ...STREAMS[channel as keyof typeof STREAMS], marker }));
  const isMarker = ({ frame }: { frame: Frame }) => frame['marker'] === marker;
  await eventually(() => client.frames.slice(start).some(isMarker));
  return client.frames
    .slice(start)
    .filter((received) => !isMarker(received))
    .map(({ frame }) => frame);
}

const text = (frame: object) => JSON.stringify(frame);
const withData = (frame: object, data: object) => ({
  ...frame,
  data: { ...(frame as { data: object }).data, ...data },
});

describe.each(CHANNELS)('on %s', (channel) => {
  const good = STREAMS[channel as keyof typeof STREAMS];

  test('a good frame is delivered as it is, byte for byte', async () => {
    const odd = ` \n{ "extra" : [1.50, "é\\u0041", {"__proto__":{}}],${text(good).slice(1)}\t`;
    const start = client.frames.length;
    await redis.publish(channel, odd);
    await eventually(() => client.frames.length > start);
    expect(client.frames[start]?.text).toContain(odd.trim().slice(1));
  });

  test('bad frames are dropped and counted', async () => {
    const before = await refusedCount();
    const bad = [
      '',
      'null',
      '[]',
      '{}',
      'not json',
      text(good).slice(0, -1),
      `${text(good)}x`,
      `\u{feff}${text(good)}`,
      text({ ...good, type: 'orders' }),
      text({ ...good, data: null }),
      text({ ...good, data: [] }),
      text(withData(good, { timestamp: 'now', last_update: 'now', progress: 'half' })),
      text({ ...good, seq: 5 }),
      text(good).replace('{', '{"\\u0073eq":5,'),
      text({ ...good, snapshot: true }),
      text({ ...good, lost: null }),
      text({ ...good, filler: 'x'.repeat(65_536) }),
      Buffer.concat([Buffer.from(text({ ...good, note: '' }).slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]),
    ];
    expect(await deliveredOf(channel, bad)).toEqual([]);
    expect((await refusedCount()) - before).toBe(bad.length);
  });

  test('random bytes and random JSON are dropped', async () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json(), fc.string({ unit: 'binary' }));
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { minLength: 20, maxLength: 50 }), async (messages) => {
        expect(await deliveredOf(channel, messages)).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });

  test('messages that look like the Function’s own are dropped, unless they are such', async () => {
    const key = keyOf(good);
    const head = `T1 1 1701234567000000-abcdef 1701234567.000001 0 ${key}`;
    const lookAlikes = [
      'T',
      'T1',
      `T1 ${text(good)}`,
      `T1\n${text(good)}`,
      `T2 ${head.slice(3)}\n${text(good)}`,
      head,
      `${head} ${text(good)}`,
      `${head.replace('T1 1', 'T1 -1')}\n${text(good)}`,
      `${head.replace('T1 1', 'T1 1e3')}\n${text(good)}`,
      `${head.replace('T1 1', `T1 ${'9'.repeat(30)}`)}\n${text(good)}`,
      `${head}${'x'.repeat(300)}\n${text(good)}`,
      `${head}\n`,
      `${head}\nnot json`,
      `${head}\n{}`,
      `${head}\n${text({ ...good, type: 'orders' })}`,
      `${head}\n${text({ ...good, seq: 7 })}`,
      `${head.slice(0, -key.length)}OTHER\n${text(good)}`,
    ];
    expect(await deliveredOf(channel, lookAlikes)).toEqual([]);
    const endings = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constant('{"type":"alerts"'));
    const parts = fc.tuple(
      fc.nat(),
      fc.string(),
      fc.constantFrom('0', '1', '2'),
      fc.constantFrom(key, '*', 'x:y'),
      endings,
    );
    const looksLikeIt = parts.map(
      ([seq, epoch, keep, name, ending]) => `T1 ${seq} ${epoch || '1-abcdef'} 1.000000 ${keep} ${name}\n${ending}`,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(looksLikeIt, { minLength: 10, maxLength: 30 }), async (messages) => {
        expect(await deliveredOf(channel, messages)).toEqual([]);
      }),
      { numRuns: 3 },
    );
  });
});

test('a frame of another key than its channel’s is dropped', async () => {
  const other = text(marketData('0005.HK'));
  const aliases = ['700.HK', '0700.hk', 'HK.00700'].map((symbol) => text(marketData(symbol)));
  expect(await deliveredOf('tickcast:{market_data:0700.HK}', [other, ...aliases])).toEqual([]);
  const notKeys = ['', 'a b', 'a:b', '{x}', 'x'.repeat(65)].map((agent) => text(agentStatus(agent)));
  expect(await deliveredOf('tickcast:{agent_status}', notKeys)).toEqual([]);
});

test('numbered events go on as before after all this', async () => {
  const first = await world.publish('{alerts}', alert('one'));
  expect(await world.publish('{alerts}', alert('two'))).toBe(first + 1);
  expect(await client.next(({ type, seq }) => type === 'alerts' && seq === first + 1)).toEqual({
    ...alert('two'),
    seq: first + 1,
    published_at: expect.any(Number),
  });
});

/** The key of a good frame, as the Function writes it into its head. */
function keyOf(frame: object): string {
  const { symbol, agent_id: agent, backtest_id: backtest } = frame as Record<string, string | undefined>;
  return symbol ?? agent ?? backtest ?? '*';
}

async function refusedCount(): Promise<number> {
  const { body } = await world.edge.admin('/metrics');
  const counts = body.matchAll(/^tickcast_events_refused_total\{.*?\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
