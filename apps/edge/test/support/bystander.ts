import { marketData } from './frames.ts';
import type { SingleEdge } from './single-edge.ts';

const SYMBOL = 'BYSTANDER.TEST';

/** A client that does nothing wrong and must not notice what others do. */
export interface Bystander {
  /**
   * Waits for a new push, and for the answer to a `ping`.
   * @throws when one of them does not come, something else came, or the edge has ended
   */
  isUndisturbed(): Promise<void>;
}

export async function startBystander(world: SingleEdge): Promise<Bystander> {
  const client = await world.connect({ sub: 'bystander' });
  await client.request({ type: 'subscribe', channel: 'market_data', symbol: SYMBOL });
  return {
    async isUndisturbed() {
      const seq = await world.publish(`{market_data:${SYMBOL}}`, marketData(SYMBOL));
      await client.next((frame) => frame['seq'] === seq);
      await client.request({ type: 'ping' });
      const strange = client.received(({ type }) => !['subscribed', 'market_data', 'pong'].includes(type));
      if (strange.length > 0) throw new Error(`the bystander got ${JSON.stringify(strange)}`);
      const { status: livez } = await world.edge.admin('/livez');
      if (livez !== 200) throw new Error(`/livez says ${livez}`);
    },
  };
}
