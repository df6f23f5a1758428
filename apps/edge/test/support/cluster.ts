import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Commands,
  type Names,
  type Publisher,
  connectCommands,
  createNames,
  createPublisher,
} from '@tickcast/backplane';
import {
  type ConnectOptions,
  type EdgeProcess,
  type Frame,
  type RedisServer,
  type TestClient,
  connectClient,
  eventually,
  mintToken,
  startEdge,
  startRedis,
} from '@tickcast/testing';

export interface ClusterOptions {
  /** Of its own when absent. Clusters with different prefixes don't meet in a shared one. */
  redis?: RedisServer;
  /** 1 when absent. */
  edges?: number;
  /** Seats of the cluster. */
  cap?: number;
  env?: NodeJS.ProcessEnv;
}

/** Some edges on one registry. */
export interface Cluster {
  readonly redis: RedisServer;
  readonly edges: readonly EdgeProcess[];
  /** `TICKCAST_REDIS_PREFIX` of its edges. */
  readonly prefix: string;
  readonly names: Names;
  /** The test's own connection to Redis. */
  readonly commands: Commands;
  readonly publisher: Publisher;
  edge(index: number): EdgeProcess;
  /** Seats taken or reserved, as the registry has them. */
  seats(): Promise<number>;
  /** Milliseconds until the lease of a seat ends, by Redis's clock; null when it has none. */
  leaseLeftMs(seat: string): Promise<number | null>;
}

let clusters = 0;
const connections: Commands[] = [];

/** Lets go of the test's own connections to Redis; for `afterAll`. The kit ends the processes. */
export function forgetClusters(): void {
  for (const connection of connections.splice(0)) connection.disconnect();
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const prefix = `test${process.pid}-${++clusters}:`;
  const redis = options.redis ?? (await startRedis());
  const env: NodeJS.ProcessEnv = { TICKCAST_REDIS_PREFIX: prefix, ...options.env };
  if (options.cap !== undefined) env['TICKCAST_MAX_CONNECTIONS'] = String(options.cap);
  const edges = await Promise.all(
    Array.from({ length: options.edges ?? 1 }, () => startEdge({ redisUrl: redis.url, env })),
  );
  const names = createNames(prefix);
  const commands = connectCommands(redis.url, { timeoutMs: 5000 });
  connections.push(commands);
  await eventually(() => commands.status === 'ready');
  return {
    redis,
    edges,
    prefix,
    names,
    commands,
    publisher: createPublisher({ redis: commands, names }),
    edge(index) {
      const edge = edges[index];
      if (!edge) throw new Error(`there is no edge ${index}`);
      return edge;
    },
    seats: () => commands.zcard(names.seats.key),
    async leaseLeftMs(seat) {
      // Sent together: if this process stood still between the two, the lease would seem to have less left.
      const [end, [seconds, microseconds]] = await Promise.all([
        commands.zscore(names.seats.key, seat),
        commands.time(),
      ]);
      return end === null ? null : Number(end) - (Number(seconds) * 1000 + Number(microseconds) / 1000);
    },
  };
}

export interface Visit extends ConnectOptions {
  /** `alice` when absent. */
  sub?: string;
  /** The seat id the client brings. */
  seat?: string;
}

/** A client that was given a seat. */
export interface Guest {
  client: TestClient;
  seat: string;
}

/**
 * Connects and asks for the seat's id.
 *
 * @throws when it gets none within `withinMs`
 */
export async function takeSeat(edge: EdgeProcess, visit: Visit = {}, withinMs = 5000): Promise<Guest> {
  const client = await visitEdge(edge, visit);
  return { client, seat: await seatOf(client, withinMs) };
}

/**
 * Asks for the seat's id. The bucket of a seat taken over from a living or dead node is empty, so the first message may be
 * refused; it is sent again when it may.
 *
 * @throws when there is no seat
 */
export async function seatOf(client: TestClient, withinMs = 5000): Promise<string> {
  for (;;) {
    client.send({ type: 'hello' });
    const answer = await client.next((frame) => frame.type === 'welcome' || frame.type === 'error', withinMs);
    if (answer.type === 'welcome') return String(answer['seat']);
    if (answer['error'] !== 'rate_limited') throw new Error(`no seat: ${JSON.stringify(answer)}`);
    await sleep(Number(answer['retry_after_ms']));
  }
}

/** Connects, with a token of its own unless it brings one. */
export async function visitEdge(
  edge: EdgeProcess,
  { sub = 'alice', seat, ...options }: Visit = {},
): Promise<TestClient> {
  const token = options.token ?? (await mintToken({ sub }));
  const query = { ...options.query, ...(seat === undefined ? {} : { seat }) };
  return connectClient(edge.url, { ...options, token, query });
}

/** Answers the explicit refusal that a client without a place gets, in either of its two forms; null when it is seated. */
export async function refusalOf(
  edge: EdgeProcess,
  visit: Visit = {},
  withinMs = 5000,
): Promise<{ code: number; error?: Frame } | null> {
  let client: TestClient;
  try {
    client = await visitEdge(edge, visit);
  } catch (error) {
    if (/Unexpected server response: 503/.test(String(error))) return { code: 503 };
    throw error;
  }
  client.send({ type: 'hello' });
  const answer = await client.next((frame) => frame.type === 'welcome' || frame.type === 'error', withinMs);
  if (answer.type === 'welcome') {
    await client.close();
    return null;
  }
  return { code: (await client.closed).code, error: answer };
}

/** Tries every 100 ms to get a seat, and answers the guest once it has one. */
export async function waitForSeat(edge: EdgeProcess, visit: Visit, withinMs: number): Promise<Guest> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await takeSeat(edge, visit, Math.max(1000, deadline - performance.now()));
    } catch (error) {
      if (performance.now() > deadline) throw error;
      if (!/no seat|503|ended|closed/.test(String(error))) throw error;
    }
    await sleep(100);
  }
}
