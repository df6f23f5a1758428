import {
  type ConnectOptions,
  type EdgeProcess,
  type RedisServer,
  type TestClient,
  type TokenOptions,
  connectClient,
  mintToken,
  startEdge,
  startRedis,
} from '@tickcast/testing';

/** One Redis and one edge, for the test files that need no more. The kit ends both when the file ends. */
export interface SingleEdge {
  readonly redis: RedisServer;
  readonly edge: EdgeProcess;
  /** Connects with a token of a `sub` of its own (a seat's budget goes with the `sub`), laid over by `token`. */
  connect(token?: TokenOptions, options?: Omit<ConnectOptions, 'token'>): Promise<TestClient>;
  /**
   * Publishes through the Function.
   * @param stream what stands behind the prefix, e.g. `{market_data:0700.HK}` or `{agent_status}:coordinator`
   * @returns the event's `seq`
   */
  publish(stream: string, frame: object): Promise<number>;
  /** A plain PUBLISH, outside numbering. */
  publishRaw(pubsubChannel: string, frame: object): Promise<void>;
}

let subs = 0;

/** A `sub` that no other client of this test file has. */
export function freshSub(): string {
  return `tester-${++subs}`;
}

/**
 * @param env `TICKCAST_*` variables over the kit's own
 * @throws when Redis or the edge does not get ready
 */
export async function startSingleEdge(env: NodeJS.ProcessEnv = {}): Promise<SingleEdge> {
  const redis = await startRedis();
  const edge = await startEdge({ redisUrl: redis.url, env });
  return {
    redis,
    edge,
    connect: async (token = {}, options = {}) =>
      connectClient(edge.url, { token: await mintToken({ sub: freshSub(), ...token }), ...options }),
    async publish(stream, frame) {
      return Number(await redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:${stream}`, JSON.stringify(frame)));
    },
    async publishRaw(pubsubChannel, frame) {
      await redis.cli('PUBLISH', `tickcast:${pubsubChannel}`, JSON.stringify(frame));
    },
  };
}
