/**
 * Edges behind one balancer, however they are run: as processes, containers or pods. What scenarios need of them, and no
 * more. All methods may be called while others are under way, `drain` of several edges at once too.
 */
export interface Fleet {
  /** Of the WebSocket endpoint through the balancer, `ws:`, on an address of this machine. */
  readonly url: string;
  /** Redis as this process reaches it. */
  readonly redisUrl: string;
  /** `TICKCAST_REDIS_PREFIX` of the edges, with its colon. */
  readonly redisPrefix: string;
  /** `TICKCAST_MAX_CONNECTIONS` of the edges. */
  readonly cap: number;
  /** A token with this `sub` that is good for an hour and for all channels. */
  mintToken(sub: string): Promise<string>;
  /** Every edge that runs, a draining one too. */
  nodes(): Promise<readonly FleetNode[]>;
  /** Starts one more edge and answers its name once the balancer sends newcomers to it. */
  add(): Promise<string>;
  /** Has the edge end in its own time (SIGTERM), and resolves when it is gone. */
  drain(name: string): Promise<Departure>;
  /** Ends the edge without notice (SIGKILL), and resolves when it is dead. None comes in its place. */
  kill(name: string): Promise<void>;
  /** Whether the balancer, as it sees things now, sends new connections to the edge. False for an edge that is gone. */
  isServing(name: string): Promise<boolean>;
  /** Ends all of it and leaves nothing behind. */
  stop(): Promise<void>;
}

export interface FleetNode {
  /** Of the process, container or pod; no other ever has it. */
  readonly name: string;
  /** How the edge calls itself in `welcome`. */
  readonly nodeId: string;
  /** Its clients with a seat. */
  readonly seated: number;
}

/** How an edge went that was told to. */
export interface Departure {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** Milliseconds from the signal to the end. */
  readonly tookMs: number;
}

/** What scenarios want to know of an edge, by the answer of its `/connz`. */
export function describeNode(name: string, connz: string): FleetNode {
  const { node, connections } = JSON.parse(connz) as { node: string; connections: { phase: string }[] };
  return { name, nodeId: node, seated: connections.filter(({ phase }) => phase === 'seated').length };
}
