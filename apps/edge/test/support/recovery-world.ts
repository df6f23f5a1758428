import type { StreamId } from '@tickcast/protocol';
import {
  type EdgeProcess,
  type FaultProxy,
  type TestClient,
  eventually,
  startEdge,
  startFaultProxy,
  startRedis,
} from '@tickcast/testing';
import { type Cluster, type ClusterOptions, startCluster, takeSeat, visitEdge } from './cluster.ts';
import { alert } from './frames.ts';
import { storyOf } from './story.ts';

export const ALERTS: StreamId = { channel: 'alerts', key: null };
export const SUBSCRIBE_ALERTS = { type: 'subscribe', channel: 'alerts' };

let subs = 0;

/** A seated client that has opted in. */
export async function guest(edge: EdgeProcess): Promise<TestClient> {
  return (await takeSeat(edge, { sub: `guest-${++subs}` })).client;
}

/** A seated client that only does what the seed shows. */
export async function seedGuest(edge: EdgeProcess): Promise<TestClient> {
  const client = await visitEdge(edge, { sub: `seed-${++subs}` });
  client.send({ type: 'ping' });
  await client.next('pong');
  return client;
}

/** Subscribes without an `id`; what the edge knows already, it has sent when this resolves. */
export async function subscribeAsSeed(client: TestClient, subscription: object): Promise<void> {
  client.send({ type: 'subscribe', ...subscription });
  client.send({ type: 'ping' });
  await client.next('pong');
}

/** What Redis takes well within a command's time on a busy machine, bytes. */
const PORTION_BYTES = 2_000_000;

/** Publishes numbered alerts, counted in their messages, as fast as Redis takes them, and answers the last `seq`. */
export async function publishAlerts({ publisher }: Cluster, count: number, padding = ''): Promise<number> {
  const portion = Math.floor(PORTION_BYTES / (padding.length + 200));
  let last = 0;
  for (let from = 1; from <= count; from += portion) {
    const length = Math.min(portion, count - from + 1);
    const frames = Array.from({ length }, (_, index) => JSON.stringify(alert(`${from + index}${padding}`)));
    last = (await Promise.all(frames.map((frame) => publisher.publish(ALERTS, frame)))).at(-1) ?? 0;
  }
  return last;
}

/** The epoch that a stream is in. */
export async function epochOf({ commands, names }: Cluster, id: StreamId = ALERTS): Promise<string> {
  const epoch = await commands.hget(names.streamKey(id), 'epoch');
  if (epoch === null) throw new Error(`${id.channel} has no epoch yet`);
  return epoch;
}

/** Takes all but the newest so many events from the log, as age and size do. */
export async function trimLog({ commands, names }: Cluster, left: number): Promise<void> {
  await commands.xtrim(`${names.streamKey(ALERTS)}:log`, 'MAXLEN', left);
}

/** Waits until the client was sent so many frames that `storyOf` tells of, and answers them. */
export async function told(
  client: TestClient,
  lines: number,
  epochs: readonly string[] = [],
  withinMs = 5000,
): Promise<string[]> {
  await eventually(() => storyOf(client, epochs).length >= lines, { withinMs }).catch(() => undefined);
  return storyOf(client, epochs);
}

/** A cluster whose edges reach Redis through a proxy; the test itself reaches it directly. */
export interface FaultyWorld {
  cluster: Cluster;
  proxy: FaultProxy;
  /** The first of its edges. */
  edge: EdgeProcess;
}

export async function startFaultyWorld(options: ClusterOptions = {}): Promise<FaultyWorld> {
  const redis = options.redis ?? (await startRedis());
  const proxy = await startFaultProxy(redis.port, { protocol: 'resp' });
  const env = { ...options.env, TICKCAST_REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
  const cluster = await startCluster({ ...options, redis, env });
  return { cluster, proxy, edge: cluster.edge(0) };
}

/** Another edge of the cluster, which reaches Redis directly. */
export async function startEdgeBeside(cluster: Cluster): Promise<EdgeProcess> {
  return startEdge({ redisUrl: cluster.redis.url, env: { TICKCAST_REDIS_PREFIX: cluster.prefix } });
}

/**
 * Loses the numbered events with these numbers on their way to the edge, each once.
 * @param key of their stream, when the Pub/Sub channel carries several
 */
export function loseEvents(proxy: FaultProxy, seqs: readonly number[], key?: string): void {
  const left = new Set(seqs);
  proxy.dropMessages((_channel, payload) => {
    const [mark, seq, , , , of] = payload.toString('latin1', 0, 120).split('\n')[0]?.split(' ') ?? [];
    return mark === 'T1' && (key === undefined || of === key) && left.delete(Number(seq));
  });
}

/** One client of each kind, subscribed to alerts on the node that loses them. */
export async function alertWatchers({ edge }: FaultyWorld): Promise<{ optedIn: TestClient; seed: TestClient }> {
  const [optedIn, seed] = [await guest(edge), await seedGuest(edge)];
  await optedIn.request(SUBSCRIBE_ALERTS);
  await subscribeAsSeed(seed, SUBSCRIBE_ALERTS);
  return { optedIn, seed };
}
