/** Servers that do what an edge does not, or seldom: a client stands them, spares them, and lets its process end. */
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { cleanEnvironment, eventually, startProcess } from '@tickcast/testing';
import { WebSocketServer } from 'ws';
import { type LostEvents, Tickcast, type TickcastError } from '../src/mod.ts';
import { collect } from './world.ts';

type Message = Record<string, unknown>;

const AGENT = { cpu_usage: 1, memory_usage: 1, task_queue_size: 0, last_update: 1 };
const CLIENT = new URL('../dist/mod.js', import.meta.url).href;

const ends: Array<() => unknown> = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Welcomes everybody; `answer` does the rest. */
async function startServer(
  answer: (message: Message, send: (frame: object) => void, close: (code: number) => void) => void,
) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    const send = (frame: object) => socket.send(JSON.stringify(frame));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      const limits = { messages_per_second: 100 };
      if (message['type'] === 'hello') {
        send({ type: 'welcome', id: message['id'], seat: 's', node: 'n', server_time: 1, expires_at: 9e9, limits });
      }
      answer(message, send, (code) => socket.close(code));
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  ends.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, connections: () => connections };
}

function connect(url: string, options: Partial<ConstructorParameters<typeof Tickcast>[1]> = {}) {
  const client = new Tickcast(url, { token: 'token', ...options });
  const errors: TickcastError[] = [];
  const gaps: LostEvents[] = [];
  client.on('error', (error) => errors.push(error));
  client.on('gap', (gap) => gaps.push(gap));
  ends.push(() => client.close());
  return { client, errors, gaps };
}

test('a reply that makes no sense is told as invalid_frame, and is not the end', async () => {
  const reply = { type: 'subscribed', channel: 'market_data', results: ['x', 'y'], count: 1 };
  const { url } = await startServer(({ type, id }, send) => {
    if (type === 'subscribe') send({ ...reply, id });
  });
  const { client, errors } = connect(url);
  client.marketData(['1.HK', '2.HK']);
  await eventually(() => errors.some(({ code }) => code === 'invalid_frame'));
  expect(client.state).toBe('connecting');
});

test('a loss in a stream that is held by itself and with all others is told once', async () => {
  const { url } = await startServer(({ type, id, params }, send) => {
    if (type !== 'subscribe') return;
    const key = (params as { agent_id: string } | undefined)?.agent_id ?? null;
    const epoch = key && 'e1';
    send({ type: 'subscribed', id, channel: 'agent_status', key, epoch, seq: key && 1, recovered: false, count: 1 });
    if (key === null) return;
    const status = { type: 'agent_status', agent_id: key, data: { status: 'running', ...AGENT } };
    send({ ...status, seq: 2, published_at: 2 });
    send({ type: 'gap', channel: 'agent_status', key, epoch, from: 3, to: 5, recoverable: false });
    send({ ...status, seq: 6, published_at: 6 });
  });
  const { client, gaps } = connect(url);
  const all = collect(client.agentStatus(undefined, { overflow: { buffer: 10 } }));
  const one = collect(client.agentStatus('a', { overflow: { buffer: 10 } }));
  await eventually(() => [all, one].every(({ got }) => got.at(-1)?.seq === 6));
  expect(gaps).toMatchObject([{ key: 'a', from: 3, to: 5, lost: 3 }]);
});

test('who is sent away with 1012 as soon as it is live comes back at once only once', async () => {
  const { url, connections } = await startServer(({ type }, _, close) => {
    if (type === 'hello') close(1012);
  });
  const { client, errors } = connect(url, { backoff: { firstMs: 2 ** 30, maxMs: 2 ** 30 } });
  client.connect().catch(() => undefined);
  await eventually(() => errors.length > 0);
  expect(errors).toMatchObject([{ code: 'connection_lost', closeCode: 1012 }]);
  expect(connections()).toBe(2);
});

test('a Retry-After longer than any timer is waited for', async () => {
  let attempts = 0;
  const server = createServer().on('upgrade', (_, socket) => {
    attempts += 1;
    socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3000000\r\nContent-Length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  const lines: string[] = [];
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { client } = connect(url, { maxAttempts: Infinity, log: (line) => lines.push(line) });
  client.connect().catch(() => undefined);
  await eventually(() => lines.some((line) => line.startsWith('next attempt')));
  // What a timer that is too long for Node would take.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(attempts).toBe(1);
});

test('a client that is closed while it connects lets its process end', async () => {
  const silent = createTcpServer(() => undefined);
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  ends.push(() => silent.close());
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const program = `
    import { Tickcast } from '${CLIENT}';
    const client = new Tickcast('${url}', { token: 'token' });
    client.connect().catch(({ code }) => console.log(code));
    setTimeout(async () => { await client.close(); console.log('closed'); }, 100);`;
  const child = await startProcess(process.execPath, ['--input-type=module', '-e', program], {
    env: cleanEnvironment(),
  });
  await child.waitForLine(/^closed/);
  const exit = await Promise.race([child.exited, new Promise((resolve) => setTimeout(resolve, 5000, 'still running'))]);
  expect(exit).toEqual({ code: 0, signal: null });
});
