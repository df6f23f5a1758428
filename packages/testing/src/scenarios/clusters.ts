import { type EdgeProcess, startEdge } from '../edge-process.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import type { ClusterSpec, Step } from './scenario.ts';

export interface ScenarioCluster {
  readonly redis: RedisServer;
  /** With the colon at its end. */
  readonly prefix: string;
  readonly nodes: readonly EdgeProcess[];
  /** The last number of each stream that was published to; another scenario may have been there before. */
  readonly standing: Map<string, number>;
}

/** Lends clusters: what a scenario leaves unhurt is used again by one that wants the same. */
export interface Clusters {
  /** The same Redis for all that do not want their own. */
  lend(spec: ClusterSpec): Promise<ScenarioCluster>;
  /** @param isUnhurt whether another scenario may have it */
  giveBack(cluster: ScenarioCluster, isUnhurt: boolean): Promise<void>;
  close(): Promise<void>;
}

const LANES = 3;

const HURTING = new Set<Step['do']>(['kill_node', 'drain_node', 'pause_redis', 'flush_redis']);

export function hurts(steps: readonly Step[]): boolean {
  return steps.some((step) => HURTING.has(step.do));
}

export function createClusters(): Clusters {
  const free: { key: string; cluster: ScenarioCluster }[] = [];
  const keys = new Map<ScenarioCluster, string>();
  let shared: Promise<RedisServer> | null = null;
  /** Each starts one cluster after the other: many at once would keep each other from being ready in time. */
  const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
  let count = 0;

  const start = async ({ nodes = 1, settings = {}, own_redis }: ClusterSpec): Promise<ScenarioCluster> => {
    const redis = await (own_redis ? startRedis() : (shared ??= startRedis()));
    const prefix = `scenario${++count}:`;
    const lane = count % LANES;
    const env = { ...settings, TICKCAST_REDIS_PREFIX: prefix };
    const started = (lanes[lane] ?? Promise.resolve()).then(() =>
      Promise.all(Array.from({ length: nodes }, () => startEdge({ redisUrl: redis.url, env }))),
    );
    lanes[lane] = started.catch(() => undefined);
    return { redis, prefix, nodes: await started, standing: new Map() };
  };
  const end = async ({ redis, nodes }: ScenarioCluster) => {
    await Promise.all(nodes.map((node) => node.kill()));
    if (redis !== (await shared)) await redis.kill();
  };

  return {
    async lend(spec) {
      const key = JSON.stringify(spec);
      const index = free.findIndex((each) => each.key === key);
      const cluster = free.splice(index, index === -1 ? 0 : 1)[0]?.cluster ?? (await start(spec));
      keys.set(cluster, key);
      return cluster;
    },
    async giveBack(cluster, isUnhurt) {
      const key = keys.get(cluster);
      if (isUnhurt && key !== undefined) free.push({ key, cluster });
      else await end(cluster);
    },
    async close() {
      await Promise.all(free.map(({ cluster }) => end(cluster)));
      await (await shared)?.kill();
    },
  };
}
