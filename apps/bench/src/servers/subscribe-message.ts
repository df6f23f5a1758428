/** A client's wish, in the topics that are also the channels of Redis: `market_data:0700.HK`, `alerts`. */
export interface SubscribeMessage {
  id: number;
  topics: string[];
}

/** Reads the client API's `subscribe`, the one message that the clients of the benchmark send. */
export function readSubscribeMessage(text: string): SubscribeMessage {
  const { id, channel, symbols } = JSON.parse(text) as { id: number; channel: string; symbols?: string[] };
  return { id, topics: symbols?.map((symbol) => `${channel}:${symbol}`) ?? [channel] };
}
