/** Clients of the seed's class, and what their callbacks get. */
import { mintToken } from '@tickcast/testing';
import { QuantWebSocket } from '../src/mod.ts';
import { QUICK, type World, startWorld } from './world.ts';

export interface QuantWorld {
  world: Promise<World>;
  /** One that is connecting, and is closed with the world. */
  connected(channels?: string[], options?: ConstructorParameters<typeof QuantWebSocket>[2]): Promise<QuantWebSocket>;
  /** Has one closed with the world. */
  keep(ws: QuantWebSocket): QuantWebSocket;
  stop(): Promise<void>;
}

export function startQuantWorld(): QuantWorld {
  const world = startWorld();
  const open: QuantWebSocket[] = [];
  const keep = (ws: QuantWebSocket) => {
    open.push(ws);
    return ws;
  };
  return {
    world,
    keep,
    async connected(channels, options) {
      const { edge } = await world;
      const token = await mintToken(channels && { channels });
      const ws = keep(new QuantWebSocket(edge.url, token, { ...QUICK, ...options }));
      void ws.connect();
      return ws;
    },
    async stop() {
      await Promise.all(open.map((ws) => ws.close()));
      await (await world).stop();
    },
  };
}

/** What a callback got so far. */
export function heard(ws: QuantWebSocket, type: string): unknown[] {
  const got: unknown[] = [];
  ws.on(type, (data) => got.push(data));
  return got;
}
