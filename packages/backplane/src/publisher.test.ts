import { beforeAll, expect, test } from '@jest/globals';
import { MAX_FRAME_BYTES, SERVER_FIELDS, type StreamId } from '@tickcast/protocol';
import { eventually } from '@tickcast/testing';
import {
  agent,
  ALERTS,
  backplaneOnRedis,
  backtest,
  contentsOf,
  goodFrame,
  type OnRedis,
  openCommands,
  quotesOf,
  settlesWithin,
} from '../test/on-redis.ts';
import { decodeEnvelope, type NumberedEvent } from './envelope.ts';
import { createPublisher } from './publisher.ts';

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
});

/** The events that come over Pub/Sub while `publish` runs, which must be `count`. */
async function eventsOf(id: StreamId, count: number, publish: () => Promise<unknown>): Promise<NumberedEvent[]> {
  const listener = await openCommands(server.url);
  const events: NumberedEvent[] = [];
  listener.on('messageBuffer', (_: Buffer, message: Buffer) => {
    const event = decodeEnvelope(message);
    if (event && event !== 'raw') events.push(event);
  });
  await listener.subscribe(names.pubsubChannel(id.channel, id.key));
  await publish();
  await eventually(() => events.length >= count);
  await listener.unsubscribe();
  listener.disconnect();
  expect(events).toHaveLength(count);
  return events;
}

async function publishAll(id: StreamId, frames: readonly string[]): Promise<void> {
  for (const frame of frames) await publisher.publish(id, frame);
}

test.each([quotesOf('0700.HK'), agent('coordinator'), backtest('bt_1'), ALERTS])(
  'events of %p are numbered from 1 without a hole, published, and kept as the last value',
  async (id) => {
    const frames = [1, 2, 3].map((n) => goodFrame(id, { timestamp: n, extra: n }));
    const events = await eventsOf(id, 3, () => publishAll(id, frames));
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(new Set(events.map(({ epoch }) => epoch)).size).toBe(1);
    expect(events.map(({ key }) => key)).toEqual([id.key, id.key, id.key]);
    expect(events.map(({ frame }) => frame.toString())).toEqual(frames);
    const state = await redis.hgetall(names.streamKey(id));
    expect(state).toMatchObject({ seq: '3', epoch: events[0]?.epoch, time: events[2]?.publishedAt, frame: frames[2] });
  },
);

test('the publisher’s bytes arrive as they were: long digits, empty lists, blanks, order, escapes', async () => {
  const id = quotesOf('BYTES');
  const frame =
    ' {\n\t"symbol" : "BYTES","data":{"volume":1e3,"price":352.123456789012345678,"timestamp":1701234567.891234,' +
    '"list":[],"map":{},"text":"\\u4e2d中\\/"},\r\n"type":"market_data"} ';
  const [event] = await eventsOf(id, 1, () => publisher.publish(id, Buffer.from(frame)));
  expect(event?.frame.toString()).toBe(frame);
  expect(await redis.hget(names.streamKey(id), 'frame')).toBe(frame);
});

test('streams are numbered apart from each other', async () => {
  expect(await publisher.publish(quotesOf('A1'), goodFrame(quotesOf('A1')))).toBe(1);
  expect(await publisher.publish(quotesOf('A2'), goodFrame(quotesOf('A2')))).toBe(1);
  expect(await publisher.publish(quotesOf('A1'), goodFrame(quotesOf('A1')))).toBe(2);
});

test('the same event id on the same stream answers the same seq and publishes nothing', async () => {
  const id = quotesOf('ONCE');
  const seqs: number[] = [];
  await eventsOf(id, 2, async () => {
    for (const eventId of ['a', 'b', 'a', 'b']) seqs.push(await publisher.publish(id, goodFrame(id), eventId));
  });
  expect(seqs).toEqual([1, 2, 1, 2]);
  expect(await publisher.publish(quotesOf('ONCE2'), goodFrame(quotesOf('ONCE2')), 'b')).toBe(1);
  const lifetime = await redis.pttl(`${names.streamKey(id)}:id:a`);
  expect(lifetime).toBeGreaterThan(290_000);
  expect(lifetime).toBeLessThanOrEqual(300_000);
});

test('an event id has 1 to 128 bytes', async () => {
  const id = quotesOf('ID');
  await publisher.publish(id, goodFrame(id), 'x'.repeat(128));
  for (const eventId of ['', 'x'.repeat(129)]) {
    await expect(publisher.publish(id, goodFrame(id), eventId)).rejects.toMatchObject({ code: 'publish_refused' });
  }
});

test('no change of an agent’s status may be merged away, a repeated status may', async () => {
  const id = agent('changing');
  const statuses = ['idle', 'idle', 'running', 'running', 'idle'];
  const frames = statuses.map((status) => goodFrame(id, { status }));
  const events = await eventsOf(id, frames.length, () => publishAll(id, frames));
  expect(events.map(({ keep }) => keep)).toEqual([true, false, true, false, true]);
});

test('a backtest’s terminal status may not be merged away, and stays for 7 days instead of one', async () => {
  const id = backtest('ending');
  const frames = [goodFrame(id), goodFrame(id, { status: 'running' }), goodFrame(id, { status: 'completed' })];
  const day = 86_400_000;
  const events = await eventsOf(id, 3, async () => {
    await publisher.publish(id, frames[0] ?? '');
    expect(Math.abs((await redis.pttl(names.streamKey(id))) - day)).toBeLessThan(5000);
    await publishAll(id, frames.slice(1));
  });
  expect(events.map(({ keep }) => keep)).toEqual([false, false, true]);
  expect(Math.abs((await redis.pttl(names.streamKey(id))) - 7 * day)).toBeLessThan(5000);
});

test('quotes may be merged, alerts never, and neither expires', async () => {
  const id = quotesOf('STAYS');
  const [quote] = await eventsOf(id, 1, () => publisher.publish(id, goodFrame(id)));
  const [alert] = await eventsOf(ALERTS, 1, () => publisher.publish(ALERTS, goodFrame(ALERTS)));
  expect([quote?.keep, alert?.keep]).toEqual([false, true]);
  expect(await redis.pttl(names.streamKey(id))).toBe(-1);
  expect(await redis.pttl(names.streamKey(ALERTS))).toBe(-1);
});

const GOOD = goodFrame(quotesOf('BAD'));
const data = (text: string) => GOOD.replace(/"data":.*\}$/, `"data":${text}}`);
const price = (text: string) => data(`{"timestamp":1,"volume":1,"price":${text}}`);
const raw = (bytes: string) => Buffer.from(GOOD.replace('}}', `},"x":"${bytes}"}`), 'latin1');

const BAD_FRAMES: Array<[string, string | Buffer]> = [
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['half an object', GOOD.slice(0, -1)],
  ['something behind the object', `${GOOD}x`],
  ['a list', `[${GOOD}]`],
  ['null', 'null'],
  ['no type', GOOD.replace('"type":"market_data",', '')],
  ['the type of another channel', GOOD.replace('market_data', 'alerts')],
  ['no symbol', GOOD.replace('"symbol":"BAD",', '')],
  ['another symbol than the stream', GOOD.replace('BAD', 'GOOD')],
  ['an alias of the symbol', GOOD.replace('BAD', 'bad')],
  ['no data', GOOD.replace(/,"data":.*\}$/, '}')],
  ['data that is a list', data('[]')],
  ['data that is null', data('null')],
  ['no price', data('{"timestamp":1,"volume":1}')],
  ['a price as text', price('"352"')],
  ['a price that is null', price('null')],
  ['a price of NaN', price('NaN')],
  ['an infinite price', price('1e999')],
  ['a price in hexadecimal', price('0x10')],
  ['a price with a leading zero', price('01')],
  ['a price with a plus', price('+1')],
  ['a price that ends in a point', price('1.')],
  ['a price that ends in a point before its exponent', price('1.e5')],
  ['a price that begins with a point', price('-.5')],
  ['a wrong optional field', price('1,"open":"1"')],
  ['a trailing comma', price('1,')],
  ...SERVER_FIELDS.map((field): [string, string] => [`the server’s ${field}`, GOOD.replace('}}', `},"${field}":1}`)]),
  ['the server’s seq in disguise', GOOD.replace('}}', '},"\\u0073eq":null}')],
  ['a raw control character', raw('\x01')],
  ['a NUL', raw('\0')],
  ['a raw line end in a text', raw('\n')],
  ['a raw tab in a text', raw('\t')],
  ['a lone surrogate', raw('\\ud800')],
  ['an unknown escape', raw('\\x41')],
  ['UTF-8 cut short', raw('\xe4\xb8')],
  ['UTF-8 of a surrogate', raw('\xed\xa0\x80')],
  ['overlong UTF-8', raw('\xc0\xaf')],
  ['UTF-8 that only joins across another character', raw('\xe4\xc3\xa9\xb8\xad')],
  ['Latin-1', raw('\xe9')],
  ['too much', GOOD.replace('}}', `},"x":"${'x'.repeat(MAX_FRAME_BYTES)}"}`)],
  ['10,000 levels', GOOD.replace('}}', `},"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)],
];

test.each(BAD_FRAMES)('a frame with %s is refused with a reason, and nothing changes', async (_, frame) => {
  const before = await contentsOf(redis);
  await expect(publisher.publish(quotesOf('BAD'), frame, 'id')).rejects.toMatchObject({
    code: 'publish_refused',
    message: expect.stringMatching(/^.{10,200}$/),
  });
  expect(await contentsOf(redis)).toEqual(before);
});

test('a frame of exactly 64 KiB is taken, one byte more is not', async () => {
  const id = quotesOf('SIZE');
  const base = goodFrame(id, { text: '' });
  const sized = (bytes: number) => goodFrame(id, { text: 'x'.repeat(bytes - base.length) });
  expect(await publisher.publish(id, sized(MAX_FRAME_BYTES))).toBe(1);
  await expect(publisher.publish(id, sized(MAX_FRAME_BYTES + 1))).rejects.toMatchObject({ code: 'publish_refused' });
});

test('a status has 1 to 64 characters, counted as characters', async () => {
  const id = agent('status');
  await publisher.publish(id, goodFrame(id, { status: '中'.repeat(64) }));
  for (const status of ['', 'x'.repeat(65), '中'.repeat(65)]) {
    await expect(publisher.publish(id, goodFrame(id, { status }))).rejects.toMatchObject({ code: 'publish_refused' });
  }
});

test.each([
  'tickcast:{market_data:700.HK}',
  'tickcast:{market_data:0700.hk}',
  'tickcast:{market_data:HK.00700}',
  'tickcast:{market_data}',
  'tickcast:{market_data:A}:x',
  'tickcast:{agent_status}',
  'tickcast:{agent_status}:a:b',
  'tickcast:{alerts}:log',
  'tickcast:{alerts}:x',
  'tickcast:{seats}',
  'tickcast{alerts}',
  '{alerts}',
  'tickcast:{al{erts}',
  'tickcast:market_data:A',
])('%s is no stream', async (name) => {
  const before = await contentsOf(redis);
  await expect(redis.fcall('tickcast_publish', 1, name, goodFrame(ALERTS))).rejects.toThrow(/^ERR tickcast: no stream/);
  await expect(redis.fcall('tickcast_open', 1, `${name}:x:y`)).rejects.toThrow(/^ERR tickcast: no stream/);
  expect(await contentsOf(redis)).toEqual(before);
});

test('called with too few or too many arguments it says how to call it', async () => {
  const name = names.streamKey(ALERTS);
  const wrong: Array<[number, ...string[]]> = [[0], [1, name], [1, name, '{}', 'id', 'x'], [2, name, name, '{}']];
  for (const args of wrong) {
    await expect(redis.fcall('tickcast_publish', ...args)).rejects.toThrow(/^ERR tickcast: call it as FCALL/);
  }
});

test('a raw frame is published as it is, and nothing is stored', async () => {
  const listener = await openCommands(server.url);
  const messages: Buffer[] = [];
  listener.on('messageBuffer', (_: Buffer, message: Buffer) => messages.push(message));
  await listener.subscribe(names.pubsubChannel('market_data', 'RAW'));
  await publisher.publishRaw(quotesOf('RAW'), goodFrame(quotesOf('RAW')));
  await eventually(() => messages.length === 1);
  expect(messages[0]?.toString()).toBe(goodFrame(quotesOf('RAW')));
  expect(await redis.exists(names.streamKey(quotesOf('RAW')))).toBe(0);
});

test('without the Function a publisher is told what to do', async () => {
  const bare = await openCommands(server.url);
  await server.cli('FUNCTION', 'FLUSH');
  const failed = createPublisher({ redis: bare, names }).publish(ALERTS, goodFrame(ALERTS));
  await expect(failed).rejects.toMatchObject({
    code: 'function_unavailable',
    message: expect.stringMatching(/npx tickcast doctor --install/),
  });
});

test('without Redis a publisher is told so within a second', async () => {
  await server.stop();
  const publishing = publisher.publish(ALERTS, goodFrame(ALERTS));
  expect(await settlesWithin(1000, publishing)).toBe(true);
  await expect(publishing).rejects.toMatchObject({ code: 'backplane_unavailable' });
});
