/** Whatever a client sends: a clear error or a close, and nobody else notices. */
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestClient, connectClient, eventually, mintToken } from '@tickcast/testing';
import * as fc from 'fast-check';
import { type Bystander, startBystander } from './support/bystander.ts';
import { handshakeRequest, openRawSocket } from './support/raw-socket.ts';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

const KNOWN = new Set(['error', 'pong', 'welcome', 'subscribed', 'unsubscribed', 'subscriptions', 'authenticated']);

let world: SingleEdge;
let bystander: Bystander;

beforeAll(async () => {
  world = await startSingleEdge();
  bystander = await startBystander(world);
});

afterEach(() => bystander.isUndisturbed());

/** Sends one message on a connection of its own and returns what came before the answer to a `ping` after it. */
async function answersTo(message: string): Promise<TestClient> {
  const client = await world.connect();
  client.send(message);
  await client.request({ type: 'ping' });
  return client;
}

const anything = fc.jsonValue({ maxDepth: 3 });
const textual = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', '0700.HK', '', 'alerts'),
);
const message = fc.record(
  {
    type: fc.oneof(fc.constantFrom('subscribe', 'unsubscribe', 'ping', 'hello', 'auth', 'list'), textual, anything),
    channel: fc.oneof(fc.constantFrom('market_data', 'agent_status', 'backtest_progress', 'alerts'), textual, anything),
    symbol: fc.oneof(fc.constantFrom('0700.HK', 'HK.00700', null), textual, anything),
    symbols: fc.oneof(fc.array(textual), anything),
    params: fc.oneof(fc.record({ agent_id: fc.oneof(textual, anything), backtest_id: textual }), anything),
    since: fc.oneof(fc.record({ epoch: textual, seq: fc.oneof(fc.integer(), fc.double()) }), anything),
    timestamp: fc.oneof(fc.double(), anything),
    token: fc.oneof(textual, anything),
    seat: fc.oneof(textual, anything),
    id: fc.oneof(fc.string({ unit: 'binary', maxLength: 70 }), fc.integer(), anything),
  },
  { requiredKeys: [] },
);

/** Whether the contract promises a reply with that id. */
function isValidId(id: unknown): boolean {
  return typeof id === 'string' ? Array.from(id).length <= 64 : Number.isSafeInteger(id);
}

describe('any text', () => {
  test('is answered by errors of the contract, and the connection stays', async () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.string().map((text) => `{"type":"${text}`),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const client = await answersTo(text);
        for (const { type } of client.frames.map(({ frame }) => frame)) expect(KNOWN).toContain(type);
        await client.close();
      }),
      { numRuns: 100 },
    );
  });

  test('that is a message with a good id gets exactly one reply with it', async () => {
    await fc.assert(
      fc.asyncProperty(message, async (fields) => {
        const client = await answersTo(JSON.stringify(fields));
        const sent = JSON.parse(JSON.stringify(fields)) as { id?: unknown };
        const replies = () => client.received(({ id }) => Object.is(id, sent.id));
        const expected = isValidId(sent.id) ? 1 : 0;
        if (expected > 0) await eventually(() => replies().length > 0);
        // A subscribe may be answered after the ping: of two of those the second comes once the first is through.
        await client.request({ type: 'subscribe', channel: 'market_data', symbol: 'LAST.TEST' });
        expect(sent.id === undefined ? 0 : replies().length).toBe(expected);
        for (const { type } of client.frames.map(({ frame }) => frame)) expect(KNOWN).toContain(type);
        await client.close();
      }),
      { numRuns: 100 },
    );
  });
});

describe('a message', () => {
  test.each([
    ['of 10,000 open brackets', '['.repeat(10_000)],
    ['that nests 5,000 deep', `{"type":"ping","x":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['that nests objects 1,000 deep', `{"type":"subscribe","params":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}}`],
    ['that is an array, 8,000 deep', '['.repeat(8000) + ']'.repeat(8000)],
    [
      'with __proto__',
      '{"type":"subscribe","channel":"alerts","__proto__":{"id":1,"symbols":["x"]},"params":{"__proto__":{}}}',
    ],
    ['with constructor and prototype', '{"type":"list","constructor":{"prototype":{"type":"ping"}}}'],
    ['with the same field twice', '{"type":"ping","type":"list","type":"nothing"}'],
    ['with numbers beyond all bounds', '{"type":"ping","timestamp":1e999,"id":1e999}'],
    ['of exactly 16 KiB', `{"type":"ping","x":"${'y'.repeat(16_384 - 22)}"}`],
  ])('%s does no harm', async (_, text) => {
    const client = await answersTo(text);
    for (const { type } of client.frames.map(({ frame }) => frame)) expect(['error', 'pong']).toContain(type);
    expect(await client.request({ type: 'hello' })).toMatchObject({ type: 'welcome' });
  });

  test.each([16_385, 65_536, 1_000_000])(
    'of %i bytes is too large: an error that says so, and close 1009',
    async (size) => {
      const client = await world.connect();
      client.send({ type: 'ping' });
      await client.next('pong');
      client.send('x'.repeat(size));
      expect(await client.closed).toMatchObject({ code: 1009 });
      expect(client.frames.at(-1)?.frame).toMatchObject({
        error: 'message_too_large',
        detail: expect.stringContaining('16384'),
      });
    },
  );

  test('counts in bytes, not in characters', async () => {
    const client = await world.connect();
    client.send('港'.repeat(16_384 / 3 + 1));
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  test('far too large is cut off', async () => {
    const client = await world.connect();
    client.send('x'.repeat(5_000_000));
    expect((await client.closed).code).toBeGreaterThan(1000);
  });

  test.each([
    ['of nothing', Buffer.alloc(0)],
    ['of JSON', Buffer.from('{"type":"ping"}')],
    ['of 10,000 bytes', Buffer.alloc(10_000, 255)],
  ])('in a binary frame %s closes with 1003, before the seat and after it', async (_, bytes) => {
    const early = await connectClient(world.edge.url, { token: await mintToken({ sub: freshSub() }) });
    early.send(bytes);
    expect(await early.closed).toMatchObject({ code: 1003 });
    const seated = await world.connect();
    await seated.request({ type: 'ping' });
    seated.send(bytes);
    expect(await seated.closed).toMatchObject({ code: 1003 });
  });
});

describe('what no WebSocket library sends', () => {
  const PING = Buffer.from('{"type":"ping"}');

  /** A frame with a mask; `first` is its first byte: FIN, the reserved bits, the opcode. */
  function frame(first: number, payload: Buffer | string): Buffer {
    const bytes = Buffer.from(payload);
    const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
    const masked = bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    return Buffer.concat([Buffer.from([first, 0x80 | bytes.length]), mask, masked]);
  }

  test.each([
    ['frames without a mask', Buffer.concat(Array(20).fill(Buffer.concat([Buffer.from([0x81, PING.length]), PING])))],
    ['a reserved opcode', frame(0x83, 'x')],
    ['a reserved opcode of control', frame(0x8b, 'x')],
    ['a reserved bit', frame(0xc1, PING)],
    ['a continuation of nothing', frame(0x80, PING)],
    ['a message within a fragmented one', Buffer.concat([frame(0x01, '{"type'), frame(0x81, PING)])],
    ['a fragmented ping', frame(0x09, 'x')],
    ['a ping of 126 bytes', Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), Buffer.alloc(126)])],
    ['a length of 2^63 - 1', Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4])],
    ['a length of 2^64 - 1', Buffer.from([0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4])],
    ['invalid UTF-8', frame(0x81, Buffer.from([0x22, 0xc3, 0x28, 0x22]))],
    ['a surrogate in UTF-8', frame(0x81, Buffer.from([0xed, 0xa0, 0x80]))],
    ['UTF-8 cut short', Buffer.concat([frame(0x01, Buffer.from([0x22, 0xe6])), frame(0x80, '"')])],
    ['a close of one byte', frame(0x88, 'x')],
    ['a close with a reserved code', frame(0x88, Buffer.from([0x03, 0xed]))],
  ])('%s ends the connection', async (_, bytes) => {
    const token = await mintToken({ sub: freshSub() });
    const raw = await openRawSocket(world.edge.port, handshakeRequest({ Authorization: `Bearer ${token}` }));
    expect(await raw.head()).toMatch(/^HTTP\/1\.1 101 /);
    raw.socket.write(bytes);
    await raw.ended;
  });

  test('random bytes after the handshake do no harm', async () => {
    const token = await mintToken({ sub: 'random' });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const raw = await openRawSocket(world.edge.port, handshakeRequest({ Authorization: `Bearer ${token}` }));
        await raw.head();
        raw.socket.write(bytes);
        raw.socket.end(frame(0x88, ''));
        await raw.ended;
      }),
      { numRuns: 100 },
    );
  });
});
