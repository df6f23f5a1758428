import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FaultProxy, type Shaping, eventually, seededRandom, startFaultProxy } from './mod.ts';

/** One end of a connection through the proxy. */
interface End {
  socket: Socket;
  /** All that came. */
  heard: string;
  /** How many times something came, and when it last did (`performance.now()`). */
  reads: number;
  heardAt: number;
  ended: boolean;
  /** The `code` of the error that the connection ended with, `none` when it had none. */
  closed: string | undefined;
}

let server: Server;
let proxy: FaultProxy;
let ends: End[];
/** The two ends of a connection that stands when the test begins. */
let client: End;
let host: End;

beforeEach(async () => {
  ends = [];
  server = createServer({ allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy((server.address() as AddressInfo).port);
  [client, host] = await join();
});

afterEach(() => {
  proxy.close();
  server.close();
  for (const { socket } of ends) socket.destroy();
});

test('bytes and ends pass in both directions, and what comes after the end of the other direction too', async () => {
  client.socket.end('question');
  await eventually(() => host.heard === 'question' && host.ended);
  host.socket.write('ans');
  host.socket.end('wer');
  await eventually(() => client.heard === 'answer' && client.closed === 'none' && host.closed === 'none');
  await eventually(() => proxy.connections === 0);
});

test('a reset is passed on as a reset', async () => {
  host.socket.resetAndDestroy();
  await eventually(() => client.closed === 'ECONNRESET');
});

test('a connection to a server that has gone is reset, and to one that is back it stands', async () => {
  const { port } = server.address() as AddressInfo;
  server.close();
  host.socket.destroy();
  const early = open();
  await eventually(() => early.closed === 'ECONNRESET' && client.ended);
  client.socket.destroy();
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
  const [late, lateHost] = await join();
  late.socket.write('back');
  await eventually(() => lateHost.heard === 'back');
});

test('while the proxy is stalled bytes wait in both directions, of connections that come meanwhile too', async () => {
  proxy.stall();
  client.socket.write('one');
  host.socket.write('two');
  const [late, lateHost] = await join();
  late.socket.write('three');
  await turns();
  expect([host.heard, client.heard, lateHost.heard]).toEqual(['', '', '']);
  proxy.heal();
  await eventually(() => host.heard === 'one' && client.heard === 'two' && lateHost.heard === 'three');
});

test.each(['to-client', 'to-server'] as const)('a stall %s leaves the other direction alone', async (direction) => {
  const [sender, receiver] = direction === 'to-client' ? [host, client] : [client, host];
  proxy.stall(direction);
  sender.socket.write('waits');
  receiver.socket.write('passes');
  await eventually(() => sender.heard === 'passes');
  sender.socket.end();
  receiver.socket.write(' still');
  await eventually(() => sender.heard === 'passes still');
  expect(receiver).toMatchObject({ heard: '', ended: false });
  proxy.heal();
  await eventually(() => receiver.heard === 'waits' && receiver.ended);
});

test.each(['an end', 'a reset'] as const)('nobody is told of %s in a stall before it is healed', async (how) => {
  proxy.stall();
  if (how === 'an end') host.socket.destroy();
  else host.socket.resetAndDestroy();
  // What is sent to a host that has gone makes a reset of the end.
  client.socket.write('anybody there?');
  await turns();
  expect(client).toMatchObject({ ended: false, closed: undefined });
  proxy.heal();
  await eventually(() => client.ended || client.closed !== undefined);
});

test('bytes and ends that are swallowed are lost, nobody is told, and heal resets just the connections that lost some', async () => {
  const [other, otherHost] = await join();
  proxy.swallow();
  client.socket.write('lost');
  host.socket.end('lost too');
  await turns();
  expect([client, host]).toMatchObject([
    { heard: '', ended: false, closed: undefined },
    { heard: '', ended: false, closed: undefined },
  ]);
  proxy.heal();
  await eventually(() => client.closed === 'ECONNRESET' && host.closed === 'ECONNRESET');
  other.socket.write('passes');
  await eventually(() => otherHost.heard === 'passes');
});

test('what is swallowed in one direction does not hinder the other, and the sender never has to wait', async () => {
  proxy.swallow('to-client');
  const flood = Buffer.alloc(32 << 20);
  host.socket.write(flood);
  await eventually(() => host.socket.writableLength === 0);
  client.socket.write('heard');
  await eventually(() => host.heard === 'heard');
  expect(client.heard).toBe('');
});

test('a cut ends connections and lets new ones in', async () => {
  proxy.cut();
  await eventually(() => client.ended && host.ended);
  [client, host] = await join();
  client.socket.write('again');
  await eventually(() => host.heard === 'again');
});

test('a reset ends connections on both sides with ECONNRESET and lets new ones in', async () => {
  proxy.reset();
  await eventually(() => client.closed === 'ECONNRESET' && host.closed === 'ECONNRESET');
  [client, host] = await join();
  client.socket.write('again');
  await eventually(() => host.heard === 'again');
});

test('while it refuses, new connections are reset and the others stand', async () => {
  proxy.refuse();
  const refused = open();
  await eventually(() => refused.closed === 'ECONNRESET');
  client.socket.write('stands');
  await eventually(() => host.heard === 'stands');
  proxy.heal();
  const [newClient, newHost] = await join();
  newClient.socket.write('welcome');
  await eventually(() => newHost.heard === 'welcome');
});

test('every byte takes the latency of its direction, and ends do', async () => {
  proxy.shape({ latencyMs: 3_600_000 }, 'to-server');
  host.socket.write('fast');
  await eventually(() => client.heard === 'fast');
  proxy.shape({ latencyMs: 200 }, 'to-server');
  const sentAt = performance.now();
  client.socket.end('slow');
  await eventually(() => host.heard === 'slow' && host.ended);
  // A timer may fire a millisecond early.
  expect(host.heardAt - sentAt).toBeGreaterThan(198);
});

test('jitter holds bytes up by other times from read to read', async () => {
  proxy.shape({ jitterMs: 400 });
  const delays: number[] = [];
  for (let i = 1; i <= 4; i++) {
    const sentAt = performance.now();
    client.socket.write('x');
    await eventually(() => host.heard.length === i);
    delays.push(host.heardAt - sentAt);
  }
  expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(50);
});

test('jitter keeps the order of bytes, and what is held up goes at once when it is healed', async () => {
  proxy.shape({ jitterMs: 20 });
  const words = Array.from({ length: 100 }, (_, i) => `${i} `);
  for (const word of words) {
    client.socket.write(word);
    await turns();
  }
  await eventually(() => host.heard === words.join(''));
  proxy.shape({ latencyMs: 3_600_000 });
  client.socket.write('in an hour');
  await turns();
  proxy.heal();
  await eventually(() => host.heard.endsWith('in an hour'));
});

test('a bandwidth lets so many bytes a second through, and another one applies at once', async () => {
  const startedAt = performance.now();
  proxy.shape({ bytesPerSecond: 20_000 }, 'to-server');
  client.socket.write('x'.repeat(10_000));
  await eventually(() => host.heard.length === 10_000);
  expect(performance.now() - startedAt).toBeGreaterThan(450);
  proxy.shape({ bytesPerSecond: 0.01 }, 'to-server');
  client.socket.write('y'.repeat(100_000));
  await eventually(() => host.heard.length === 10_001);
  await turns();
  expect(host.heard.length).toBe(10_001);
  proxy.shape({ bytesPerSecond: 10_000_000 }, 'to-server');
  await eventually(() => host.heard.length === 110_000);
});

test('what does not fit the bandwidth makes the sender wait', async () => {
  proxy.shape({ bytesPerSecond: 1000 }, 'to-client');
  const piece = Buffer.alloc(1 << 20, 'z');
  let taken = 0;
  for (let i = 0; i < 64; i++) host.socket.write(piece, () => taken++);
  // The kernel's buffers on the way take some.
  let before = -1;
  await eventually(
    async () => {
      const isStill = taken === before;
      before = taken;
      await sleep(300);
      return isStill;
    },
    { withinMs: 20_000 },
  );
  expect(taken).toBeLessThan(48);
  proxy.heal();
  await eventually(() => client.heard.length === 64 << 20, { withinMs: 20_000 });
});

test('bytes are cut into pieces and stay whole', async () => {
  const text = Array.from({ length: 500 }, (_, i) => `${i} `).join('');
  proxy.shape({ maxPieceBytes: 3 });
  client.socket.write(text);
  await eventually(() => host.heard === text);
  expect(host.reads).toBeGreaterThan(text.length / 10);
});

test('faults of several kinds hold together', async () => {
  proxy.shape({ latencyMs: 20, jitterMs: 20, bytesPerSecond: 50_000, maxPieceBytes: 50 });
  const text = 'abcdefghij'.repeat(1000);
  client.socket.write(text);
  proxy.stall('to-server');
  host.socket.write(text);
  await eventually(() => client.heard === text);
  expect(host.heard).toBe('');
  proxy.stall();
  proxy.heal();
  await eventually(() => host.heard === text);
});

test.each([1, 2, 3])(
  'whatever holds bytes up and changes meanwhile, they come whole and in order (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const upTo = (most: number) => 1 + Math.floor(random() * most);
    const shapings: (() => Shaping)[] = [
      () => ({}),
      () => ({ latencyMs: upTo(30), jitterMs: upTo(30) }),
      () => ({ bytesPerSecond: upTo(1_000_000) }),
      () => ({ maxPieceBytes: upTo(2000) }),
      () => ({ latencyMs: upTo(10), bytesPerSecond: upTo(1_000_000), maxPieceBytes: upTo(2000) }),
    ];
    const sent = { question: '', answer: '' };
    for (let i = 0; i < 60; i++) {
      const direction = random() < 0.5 ? 'to-client' : 'to-server';
      if (random() < 0.2) proxy.stall(direction);
      else if (random() < 0.3) proxy.heal();
      else proxy.shape(shapings[upTo(shapings.length) - 1]?.() ?? {}, direction);
      const [question, answer] = [`${i},`.repeat(upTo(3000)), `${i};`.repeat(upTo(3000))];
      client.socket.write(question);
      host.socket.write(answer);
      sent.question += question;
      sent.answer += answer;
      await sleep(upTo(8));
    }
    client.socket.end();
    host.socket.end();
    proxy.heal();
    await eventually(() => client.closed === 'none' && host.closed === 'none');
    expect(host.heard === sent.question).toBe(true);
    expect(client.heard === sent.answer).toBe(true);
  },
);

test('after a change of its target new connections go there, and those that stand stay where they are', async () => {
  const other = createServer((socket) => void socket.end('other'));
  await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
  proxy.retarget((other.address() as AddressInfo).port);
  const late = open();
  client.socket.write('stays');
  await eventually(() => late.heard === 'other' && host.heard === 'stays');
  other.close();
});

test('injected bytes come after those that were sent before, in their direction alone, and wait where those wait', async () => {
  host.socket.write('one ');
  await eventually(() => client.heard === 'one ');
  proxy.stall('to-client');
  proxy.inject(Buffer.from('two '), 'to-client');
  await turns();
  expect([client.heard, host.heard]).toEqual(['one ', '']);
  proxy.heal();
  await eventually(() => client.heard === 'one two ');
  host.socket.write('three');
  await eventually(() => client.heard === 'one two three');
  expect(host.heard).toBe('');
});

test('a watcher sees connections, refused ones too, and may change what passes', async () => {
  const seen: unknown[] = [];
  const watched = await startFaultProxy((server.address() as AddressInfo).port, {
    watcher: {
      connected: (connection, isRefused) => void seen.push([connection, isRefused]),
      passing: (connection, direction, bytes) => Buffer.from(`${connection} ${direction} ${bytes.toString()}`),
    },
  });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = watch(connect({ host: '127.0.0.1', port: watched.port, noDelay: true }));
  const far = watch((await accepted)[0]);
  near.socket.write('question');
  far.socket.write('answer');
  await eventually(() => far.heard === '1 to-server question' && near.heard === '1 to-client answer');
  watched.refuse();
  const refused = watch(connect(watched.port, '127.0.0.1'));
  await eventually(() => refused.closed === 'ECONNRESET');
  expect(seen).toEqual([
    [1, false],
    [2, true],
  ]);
  watched.close();
});

test('messages are told apart only where the server speaks RESP', () => {
  expect(() => proxy.dropMessages(() => true)).toThrow(/protocol/);
});

/** A new connection through the proxy: the client's end and the server's. */
async function join(): Promise<[End, End]> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const end = open();
  const [socket] = await accepted;
  return [end, watch(socket)];
}

function open(): End {
  return watch(connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true, noDelay: true }));
}

function watch(socket: Socket): End {
  const end: End = { socket, heard: '', reads: 0, heardAt: 0, ended: false, closed: undefined };
  let code = 'none';
  socket.on('data', (bytes) => {
    end.heard += bytes.toString('latin1');
    end.reads++;
    end.heardAt = performance.now();
  });
  socket.on('end', () => (end.ended = true));
  socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? 'unknown'));
  socket.on('close', () => (end.closed = code));
  ends.push(end);
  return end;
}

/** Long enough for bytes that nothing holds up: a connection beside the proxy hears of its own meanwhile. */
async function turns(): Promise<void> {
  const echo = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve));
  const socket = connect((echo.address() as AddressInfo).port, '127.0.0.1');
  for (let i = 0; i < 5; i++) {
    socket.write('?');
    await once(socket, 'data');
  }
  socket.destroy();
  echo.close();
}
