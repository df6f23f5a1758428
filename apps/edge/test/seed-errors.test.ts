/** The error frames of the seed, byte for byte: what a client written from it alone compares with. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type TestClient, connectClient, eventually, mintToken } from '@tickcast/testing';
import { type SingleEdge, startSingleEdge } from './support/single-edge.ts';

const INVALID_FORMAT = '{"type":"error","error":"invalid_message_format","detail":"消息必须是有效的JSON格式"}';
const UNKNOWN_TYPE = '{"type":"error","error":"unsupported_message_type","detail":"不支持的消息类型: unknown_type"}';
const BAD_TOKEN = '{"type":"error","error":"authentication_failed","detail":"无效或过期的访问令牌"}';

let world: SingleEdge;

beforeAll(async () => {
  world = await startSingleEdge();
});

/** Everything received once `count` frames have come. */
async function texts(client: TestClient, count: number): Promise<string[]> {
  await eventually(() => client.frames.length >= count);
  return client.frames.map(({ text }) => text);
}

describe('invalid_message_format', () => {
  test.each(['not json', '', '{', '{"type":"ping"', "{'type':'ping'}", 'undefined', '\u{feff}{"type":"ping"}'])(
    'answers %j with the frame of the seed',
    async (sent) => {
      const client = await world.connect();
      client.send(sent);
      expect(await texts(client, 1)).toEqual([INVALID_FORMAT]);
    },
  );
});

describe('unsupported_message_type', () => {
  test('answers an unknown type with the frame of the seed', async () => {
    const client = await world.connect();
    client.send({ type: 'unknown_type' });
    expect(await texts(client, 1)).toEqual([UNKNOWN_TYPE]);
  });

  test('has the id of the message behind the three fields of the seed', async () => {
    const client = await world.connect();
    client.send({ type: 'unknown_type', id: 'a-1' });
    client.send({ id: 7, type: 'unknown_type' });
    expect(await texts(client, 2)).toEqual([
      UNKNOWN_TYPE.replace(/\}$/, ',"id":"a-1"}'),
      UNKNOWN_TYPE.replace(/\}$/, ',"id":7}'),
    ]);
  });

  test('keeps the connection open', async () => {
    const client = await world.connect();
    client.send({ type: 'unknown_type' });
    client.send('not json');
    client.send({ type: 'ping' });
    await client.next('pong');
    expect((await texts(client, 3)).slice(0, 2)).toEqual([UNKNOWN_TYPE, INVALID_FORMAT]);
  });
});

describe('authentication_failed', () => {
  test.each(['header', 'subprotocol', 'subprotocol-bearer', 'message'] as const)(
    'answers a bad token given by %s with the frame of the seed, then closes 4401',
    async (via) => {
      const client = await connectClient(world.edge.url, { token: 'not-a-token', via });
      expect(await client.closed).toMatchObject({ code: 4401 });
      expect(await texts(client, 1)).toEqual([BAD_TOKEN]);
    },
  );

  test('answers an expired token with the frame of the seed, then closes 4401', async () => {
    const client = await world.connect({ ttlSeconds: -60 });
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(await texts(client, 1)).toEqual([BAD_TOKEN]);
  });

  test('answers a message without any token with the frame of the seed, then closes 4401', async () => {
    const client = await connectClient(world.edge.url);
    client.send({ type: 'subscribe', channel: 'agent_status', symbol: null });
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(await texts(client, 1)).toEqual([BAD_TOKEN]);
  });

  test('answers a bad new token of a seated client with the frame of the seed, and the connection stays', async () => {
    const client = await world.connect();
    client.send({ type: 'auth', token: `${await mintToken()}x` });
    await client.next('error');
    client.send({ type: 'ping' });
    await client.next('pong');
    expect((await texts(client, 2))[0]).toBe(BAD_TOKEN);
  });
});

test('with lang=en the codes stay and the details are English', async () => {
  const client = await world.connect({}, { query: { lang: 'en' } });
  client.send('not json');
  client.send({ type: 'unknown_type' });
  const errors = (await texts(client, 2)).map((text) => JSON.parse(text) as Record<string, string>);
  expect(errors.map(({ error }) => error)).toEqual(['invalid_message_format', 'unsupported_message_type']);
  for (const { detail } of errors) expect(detail).toMatch(/^[ -~]+$/);
});
