import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type EdgeProcess, startEdge } from '../edge-process.ts';
import { eventually } from '../eventually.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { seededRandom } from '../random.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { mintToken } from '../tokens.ts';
import { Accounting } from './accounting.ts';
import { ChaosClient, type ClientEvents } from './client.ts';
import { watchForCrash } from './crash-watch.ts';
import { connectDirectly, untilConnected } from './direct-redis.ts';
import { type Newcomers, startNewcomers } from './newcomers.ts';
import { planClients } from './plan.ts';
import { FRESH_SYMBOL, type Publishers, createStreams, startPublishers } from './publishers.ts';
import { Seating } from './seating.ts';

export interface WorldOptions {
  seed: number;
  clients: number;
  log(line: string): void;
}

/** One edge, the way from it to Redis, and the way to it from clients whose network is to fail. */
export interface Node {
  readonly index: number;
  readonly toRedis: FaultProxy;
  readonly wire: FaultProxy;
  readonly edge: EdgeProcess;
}

export const PREFIX = 'chaos:';
const EDGES = 3;
const DRAIN_SECONDS = 6;
const CALM_WITHIN_MS = 30_000;
/** SPEC 1: the longest that a seat waits for its client. */
const RESERVED_MS = 30_000;

/** A whole cluster at full use: a Redis with a log, three edges, publishers of all channels, clients, and newcomers at the door. */
export class World {
  readonly seed: number;
  readonly redis: RedisServer;
  readonly nodes: Node[];
  readonly accounting: Accounting;
  readonly seating: Seating;
  readonly clients: ChaosClient[] = [];
  /** When a client was told of a state of its node, on the monotonic clock. */
  readonly notices: Array<{ client: ChaosClient; state: string; at: number }> = [];
  /** For faults that speak to Redis. */
  readonly redisCommands: Redis;
  readonly publishers: Publishers;
  readonly newcomers: Newcomers;
  readonly drainMs = DRAIN_SECONDS * 1000;
  readonly log: (line: string) => void;
  readonly #env: NodeJS.ProcessEnv;
  readonly #placement = new Map<ChaosClient, number>();
  readonly #reported = new Set<string>();
  readonly #settling: NodeJS.Timeout;

  private constructor(parts: {
    options: WorldOptions;
    redis: RedisServer;
    nodes: Node[];
    env: NodeJS.ProcessEnv;
    random: () => number;
  }) {
    const { options, redis, nodes, env, random } = parts;
    const sources = createStreams();
    this.seed = options.seed;
    this.log = options.log;
    this.redis = redis;
    this.#env = env;
    this.accounting = new Accounting(sources.map(({ stream }) => stream));
    this.nodes = nodes.map((node) => ({ ...node, edge: this.#watch(node.index, node.edge) }));
    this.newcomers = startNewcomers(() => this.#anyNode(random).edge.url);
    this.seating = new Seating({
      redis,
      key: `${PREFIX}{seats}`,
      cap: options.clients,
      accounting: this.accounting,
      others: () => this.newcomers.seated,
    });
    this.redisCommands = connectDirectly(redis.url);
    this.publishers = startPublishers(redis.url, PREFIX, sources, random);
    this.#settling = setInterval(() => this.accounting.settle(), 1000);
  }

  /** Starts all of it, and resolves when every client is seated and subscribed. */
  static async start(options: WorldOptions): Promise<World> {
    const random = seededRandom(options.seed);
    const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'no'] });
    const env: NodeJS.ProcessEnv = {
      TICKCAST_REDIS_PREFIX: PREFIX,
      TICKCAST_MAX_CONNECTIONS: String(options.clients),
      TICKCAST_DRAIN_SECONDS: String(DRAIN_SECONDS),
      TICKCAST_LOG_LEVEL: 'warn',
    };
    const nodes = await Promise.all(
      Array.from({ length: EDGES }, (_, index) => startNode(index, redis, env, options.seed)),
    );
    const world = new World({ options, redis, nodes, env, random });
    await world.#join(options.clients, random);
    await world.#publishFirst();
    return world;
  }

  node(index: number): Node {
    const node = this.nodes[index % this.nodes.length];
    if (!node) throw new Error('there are no nodes');
    return node;
  }

  /** Clients whose last connection was to this node. */
  clientsOf(node: Node): ChaosClient[] {
    return this.clients.filter((client) => this.#placement.get(client) === node.index);
  }

  /** Of the node that the client's last connection was to. */
  indexOf(client: ChaosClient): number | undefined {
    return this.#placement.get(client);
  }

  /** Starts an edge in the place of one that has ended. */
  async replaceEdge(node: Node): Promise<void> {
    const edge = await startEdge({
      redisUrl: `redis://127.0.0.1:${node.toRedis.port}`,
      env: { ...this.#env, ...portsOf(node.edge) },
    });
    this.nodes[node.index] = { ...node, edge: this.#watch(node.index, edge) };
  }

  /** Reports a breach of the contract that a fault itself has seen. */
  violation(where: string, detail: string): void {
    this.accounting.report({ kind: 'timing', where, stream: null, detail });
  }

  /**
   * Holds publishing until every client is seated and has, or was told that it lost, all that was published: what is missing
   * then was lost silently, the last event of a stream too. What does not come within 30 s is reported. A client that did not
   * opt in knows no seat id: in a full cluster it may have to wait for its own reserved seat, and is waited for at the end alone.
   */
  async reconcile({ last = false } = {}): Promise<void> {
    await this.publishers.pause();
    this.newcomers.pause();
    const unsettled = () => this.clients.filter((client) => !client.settled && (last || client.optsIn));
    const calm = () => unsettled().length === 0 && this.accounting.arrears().length === 0;
    await eventually(calm, { withinMs: last ? RESERVED_MS + CALM_WITHIN_MS : CALM_WITHIN_MS }).catch(() => undefined);
    this.accounting.settle();
    for (const { name } of unsettled()) this.#once('stuck', name, null, 'is not seated and subscribed');
    for (const { client, stream, missing } of this.accounting.arrears()) {
      this.#once('loss', client, stream, `${missing} of the last events never came`);
    }
    this.newcomers.resume();
    this.publishers.resume();
  }

  /** From now on Redis runs and keeps its data: what is published arrives, and nothing of the present epoch of alerts may be given up. */
  async trustRedis(): Promise<void> {
    await Promise.all([untilConnected(this.redisCommands), this.publishers.connected()]);
    this.accounting.keptEpoch = await this.redisCommands.hget(`${PREFIX}{alerts}`, 'epoch');
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    clearInterval(this.#settling);
    this.publishers.close();
    this.redisCommands.disconnect();
    this.newcomers.stop();
    this.seating.stop();
    for (const client of this.clients) client.stop();
    await sleep(200);
    await Promise.all(this.nodes.map(({ edge }) => edge.kill()));
    for (const { toRedis, wire } of this.nodes) {
      toRedis.close();
      wire.close();
    }
    await this.redis.kill();
  }

  #watch(index: number, edge: EdgeProcess): EdgeProcess {
    return watchForCrash(edge, (detail, frames) => {
      this.accounting.report({ kind: 'crash', where: `node ${index}`, stream: null, detail, frames });
    });
  }

  #once(kind: 'stuck' | 'loss', where: string, stream: string | null, detail: string): void {
    const name = `${kind} ${where} ${stream}`;
    if (this.#reported.has(name)) return;
    this.#reported.add(name);
    const frames = stream === null ? [] : this.accounting.frames(where, stream);
    this.accounting.report({ kind, where, stream, detail, frames });
  }

  async #join(count: number, random: () => number): Promise<void> {
    const events: ClientEvents = {
      welcomed: (client, seat, former) => this.seating.welcomed(client.name, seat, former),
      ended: (client, code, wasSeated) => this.seating.ended(client.name, code, wasSeated),
      status: (client, state) => void this.notices.push({ client, state, at: performance.now() }),
    };
    for (const plan of planClients([...this.accounting.streams.values()], count, random)) {
      const client: ChaosClient = new ChaosClient({
        ...plan,
        token: await mintToken({ sub: plan.name }),
        accounting: this.accounting,
        random,
        on: events,
        chooseUrl: () => {
          const node = this.#anyNode(random);
          this.#placement.set(client, node.index);
          return plan.throughWire ? wireUrl(node) : node.edge.url;
        },
      });
      this.clients.push(client);
      client.start();
    }
    await eventually(() => this.clients.every(({ settled }) => settled), { withinMs: 30_000 });
  }

  /** So that every stream but one has an event before the first fault. */
  async #publishFirst(): Promise<void> {
    await this.publishers.connected();
    const names = [...this.accounting.streams.values()]
      .filter(({ key }) => key !== FRESH_SYMBOL)
      .map(({ name }) => name);
    await Promise.all(names.map((name) => this.publishers.burst(name, 1)));
  }

  #anyNode(random: () => number): Node {
    return this.node(Math.floor(random() * this.nodes.length));
  }
}

async function startNode(index: number, redis: RedisServer, env: NodeJS.ProcessEnv, seed: number): Promise<Node> {
  const toRedis = await startFaultProxy(redis.port, { protocol: 'resp', seed: seed + index });
  const edge = await startEdge({ redisUrl: `redis://127.0.0.1:${toRedis.port}`, env });
  const wire = await startFaultProxy(edge.port, { seed: seed + index });
  return { index, toRedis, wire, edge };
}

/** An edge that is started again has to be where its clients look for it. */
function portsOf({ port, adminUrl }: EdgeProcess): NodeJS.ProcessEnv {
  return { TICKCAST_PORT: String(port), TICKCAST_ADMIN_PORT: new URL(adminUrl).port };
}

function wireUrl({ edge, wire }: Node): string {
  const url = new URL(edge.url);
  url.port = String(wire.port);
  return url.href;
}
