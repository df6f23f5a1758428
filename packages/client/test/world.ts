/** One Redis and one edge for a test file, what is published through them, and clients that are closed with it. */
import { type EdgeProcess, type RedisServer, WebSocket, mintToken, startEdge, startRedis } from '@tickcast/testing';
import { type ClientOptions, type Received, Tickcast, type TickcastError } from '../src/mod.ts';
import type { Push } from '../src/mod.ts';

/** Waits are short; the ping interval is not, so that nobody takes a busy machine for dead. */
export const QUICK = { pingIntervalMs: 5000, backoff: { firstMs: 50, maxMs: 200 }, lang: 'en' } as const;

export interface World {
  redis: RedisServer;
  edge: EdgeProcess;
  publishQuote(symbol: string, price: number): Promise<void>;
  publishAlert(message: string): Promise<void>;
  publishStatus(agentId: string, status: string): Promise<void>;
  /** A client of the edge, or of the one at `url`, and its errors. */
  client(options?: Partial<ClientOptions>, url?: string): Promise<{ client: Tickcast; errors: TickcastError[] }>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const redis = await startRedis();
  const edge = await startEdge({ redisUrl: redis.url });
  const clients: Tickcast[] = [];
  // The first connection imports `ws`, and jest allows no import while concurrent tests come to their ends.
  const first = new Tickcast(edge.url, { token: await mintToken() });
  await first.connect();
  await first.close();
  const publish = async (key: string, frame: object) => {
    await redis.cli('FCALL', 'tickcast_publish', '1', key, JSON.stringify(frame));
  };
  return {
    redis,
    edge,
    publishQuote(symbol, price) {
      const data = { timestamp: 1701234567.89, price, volume: 1 };
      return publish(`tickcast:{market_data:${symbol}}`, { type: 'market_data', symbol, data });
    },
    publishAlert(message) {
      const data = { level: 'warning', message, timestamp: 1701234567.89, source: 'test' };
      return publish('tickcast:{alerts}', { type: 'alerts', data });
    },
    publishStatus(agentId, status) {
      const data = { status, cpu_usage: 1, memory_usage: 2, task_queue_size: 3, last_update: 1701234567.89 };
      return publish(`tickcast:{agent_status}:${agentId}`, { type: 'agent_status', agent_id: agentId, data });
    },
    async client(options, url = edge.url) {
      const client = new Tickcast(url, { token: await mintToken(), ...QUICK, ...options });
      const errors: TickcastError[] = [];
      client.on('error', (error) => errors.push(error));
      clients.push(client);
      return { client, errors };
    },
    async stop() {
      await Promise.all(clients.map((client) => client.close()));
      await edge.kill();
      await redis.stop();
    },
  };
}

/** Takes what comes, as an application would. The array grows; `ended` settles as the iterator ends. */
export function collect<P extends Push>(events: AsyncIterable<Received<P>>) {
  const got: Array<Received<P>> = [];
  const ended = (async () => {
    for await (const event of events) got.push(event);
  })();
  ended.catch(() => undefined);
  return { got, ended };
}

/** A WebSocket that keeps the messages that it sent and received; for the option `webSocket`. */
export function wiretap() {
  const sent: string[] = [];
  const received: string[] = [];
  const webSocket = (url: string, protocols: string[]) => {
    const socket = new WebSocket(url, protocols);
    socket.on('message', (data) => received.push(data.toString()));
    return {
      send(text: string) {
        sent.push(text);
        socket.send(text);
      },
      close: (code?: number) => socket.close(code),
      terminate: () => socket.terminate(),
      addEventListener: socket.addEventListener.bind(socket),
    };
  };
  const sentOf = (type: string) => sent.filter((text) => text.includes(`"type":"${type}"`));
  return { webSocket, sent, received, sentOf };
}
