/** What the balancer does about edges that drain, hang, or are not where their name says. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import {
  type ProcessFleet,
  type TestClient,
  connectClient,
  eventually,
  joinCrowd,
  mintToken,
  startProcess,
  startProcessFleet,
} from '@tickcast/testing';

/** Its time-outs for handshakes, which no socket may know of that is through. */
const TIMEOUT_MS = 10_000;

async function connectMany(fleet: ProcessFleet, count: number): Promise<TestClient[]> {
  return Promise.all(Array.from({ length: count }, async () => connectClient(fleet.url, { token: await mintToken() })));
}

async function nodeOf(client: TestClient): Promise<unknown> {
  client.send({ type: 'hello' });
  return (await client.next('welcome'))['node'];
}

const nodesOf = (clients: readonly TestClient[]) => Promise.all(clients.map(nodeOf));

test.concurrent('a draining edge gets no newcomers and keeps its sockets until it sends them away itself', async () => {
  const fleet = await startProcessFleet({ edges: 2, env: { TICKCAST_DRAIN_SECONDS: '10' } });
  const clients = await connectMany(fleet, 20);
  const nodes = await nodesOf(clients);
  const leaving = clients.filter((_, index) => nodes[index] === 'edge-1');
  expect(leaving).toHaveLength(10);

  const drained = fleet.drain('edge-1');
  await eventually(async () => !(await fleet.isServing('edge-1')), { withinMs: 5000 });
  const open = leaving.filter(({ socket }) => socket.readyState === socket.OPEN);
  expect(open.length).toBeGreaterThan(0);
  expect(new Set(await nodesOf(await connectMany(fleet, 20)))).toEqual(new Set(['edge-2']));

  expect(await drained).toMatchObject({ exitCode: 0 });
  const codes = await Promise.all(leaving.map(async ({ closed }) => (await closed).code));
  expect(new Set(codes)).toEqual(new Set([1012]));
  await fleet.stop();
});

test('however many edges go at once, a newcomer finds one that stays', async () => {
  const fleet = await startProcessFleet({ edges: 2 });
  await nodesOf(await connectMany(fleet, 4));
  // Without clients they look the most inviting.
  const leaving = await Promise.all(Array.from({ length: 6 }, () => fleet.add()));
  for (const name of leaving) fleet.edge(name).signal('SIGTERM');
  await Promise.all(leaving.map((name) => fleet.edge(name).exited));

  const token = await mintToken();
  const newcomers = Array.from({ length: 5 }, () => joinCrowd(fleet.url, token));
  const arrivals = await Promise.all(newcomers.map(({ arrival }) => arrival));
  expect(arrivals.map(({ outcome }) => outcome)).toEqual(arrivals.map(() => 'seated'));
  await fleet.stop();
});

test.concurrent(
  'a name that leads to a machine which answers nothing costs newcomers a few seconds and nobody the connection',
  async () => {
    const fleet = await startProcessFleet({ edges: 1 });
    const dead = '127.255.255.250';
    await listenDeaf(dead, [fleet.ports.edgePort, fleet.ports.edgeAdminPort]);
    fleet.addAddress(dead);
    const isKnown = async () => (await fleet.balancer.servers()).some(({ address }) => address.startsWith(dead));
    await eventually(isKnown);
    expect(new Set(await nodesOf(await connectMany(fleet, 10)))).toEqual(new Set(['edge-1']));

    const isOut = async () =>
      (await fleet.balancer.servers()).every(({ address, isServing }) => !address.startsWith(dead) || !isServing);
    await eventually(isOut, { withinMs: 5000 });
    expect(new Set(await nodesOf(await connectMany(fleet, 10)))).toEqual(new Set(['edge-1']));
    await fleet.stop();
  },
);

test.concurrent(
  'an edge that hangs is left alone within 5 s and keeps its sockets for longer than any time-out; nobody sent to it waits in vain',
  async () => {
    const fleet = await startProcessFleet({ edges: 2 });
    const clients = await connectMany(fleet, 10);
    const nodes = await nodesOf(clients);
    const hanging = clients.filter((_, index) => nodes[index] === 'edge-1');
    expect(hanging).toHaveLength(5);

    fleet.edge('edge-1').pause();
    const pausedAt = performance.now();
    const token = await mintToken();
    const early = Array.from({ length: 10 }, () => joinCrowd(fleet.url, token));
    await eventually(async () => !(await fleet.isServing('edge-1')), { withinMs: 5000 });
    expect(new Set(await nodesOf(await connectMany(fleet, 10)))).toEqual(new Set(['edge-2']));

    // Some were sent to it before that was known.
    const answers = await Promise.all(early.map(({ arrival }) => arrival));
    const toldToRetry = answers.filter((answer) => answer.outcome === 'refused' && answer.status === 504);
    expect(toldToRetry.every((answer) => 'headers' in answer && answer.headers.includes('retry-after: 1'))).toBe(true);
    const seated = answers.filter((answer) => answer.outcome === 'seated' && answer.welcome['node'] === 'edge-2');
    expect(toldToRetry.length + seated.length).toBe(early.length);

    const longEnough = () => performance.now() - pausedAt > TIMEOUT_MS + 2000;
    await eventually(longEnough, { withinMs: 2 * TIMEOUT_MS });
    fleet.edge('edge-1').resume();
    for (const client of hanging) expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await eventually(() => fleet.isServing('edge-1'));
    await fleet.stop();
  },
  60_000,
);

/**
 * Ports whose queue of connections is full: what else comes is dropped without a word, as by a machine that has lost its power
 * (Linux, tcp_conn_request).
 */
async function listenDeaf(host: string, ports: readonly number[]): Promise<void> {
  const program = `
    const { createServer } = require('node:net');
    for (const port of ${JSON.stringify(ports)}) createServer().listen({ host: '${host}', port, backlog: 1 });
    setTimeout(() => process.kill(process.pid, 'SIGSTOP'));`;
  const child = await startProcess(process.execPath, ['-e', program]);
  await eventually(async () => (await readFile(`/proc/${child.pid}/stat`, 'utf8')).includes(') T '));
  for (const port of ports) {
    const sockets = Array.from({ length: 3 }, () => connect({ host, port }).on('error', () => undefined));
    const waiting = () => sockets.filter(({ readyState }) => readyState === 'opening');
    await eventually(() => waiting().length === 1);
    for (const socket of waiting()) socket.destroy();
  }
}
