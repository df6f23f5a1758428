import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '@tickcast/backplane';
import {
  type EdgeProcess,
  type FaultProxy,
  type TestClient,
  connectClient,
  mintToken,
  startFaultProxy,
} from '@tickcast/testing';
import { alert } from './frames.ts';

const ALERTS = { channel: 'alerts', key: null } as const;
/** Slowly enough that the edge sees the client over its limit long before it would have to drop anything. */
const STEP_BYTES = 50_000;
const STEP_MS = 40;

/**
 * Subscribes the client to alerts, stops its reading, and publishes alerts until the edge has ended it; then it reads on.
 * The kernels on the way take some megabytes first. Needs `TICKCAST_MAX_BUFFERED_BYTES` of 256 KiB or more.
 */
export async function overflow(client: TestClient, edge: EdgeProcess, publisher: Publisher): Promise<void> {
  await client.request({ type: 'subscribe', channel: 'alerts' });
  const connected = await connectedClients(edge);
  client.socket.pause();
  const large = JSON.stringify(alert('x'.repeat(STEP_BYTES)));
  const deadline = performance.now() + 30_000;
  while ((await connectedClients(edge)) === connected) {
    if (performance.now() > deadline) throw new Error('the edge did not end a client that reads nothing');
    await publisher.publish(ALERTS, large);
    await sleep(STEP_MS);
  }
  client.socket.resume();
}

async function connectedClients(edge: EdgeProcess): Promise<number> {
  const { body } = await edge.admin('/connz');
  return (JSON.parse(body) as { connections: unknown[] }).connections.length;
}

/** A client that has opted in and whose link takes no more than this from the node. */
export async function behindLink(
  edge: EdgeProcess,
  bytesPerSecond: number,
): Promise<{ client: TestClient; link: FaultProxy }> {
  const link = await startFaultProxy(edge.port);
  const url = `ws://127.0.0.1:${link.port}/api/v1/websocket`;
  const client = await connectClient(url, { token: await mintToken({ sub: 'behind a link' }) });
  await client.request({ type: 'hello' });
  link.shape({ bytesPerSecond }, 'to-client');
  return { client, link };
}
