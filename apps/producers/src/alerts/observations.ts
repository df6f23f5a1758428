import { TERMINAL_STATUSES } from '@tickcast/protocol';

/** One thing that was seen; `at` is when, in ms by Redis's clock. Figures are as of now. */
export type Observation =
  | { kind: 'quote'; symbol: string; price: number; at: number }
  | { kind: 'agent'; agentId: string; status: string; memoryPercent: number | null; at: number }
  | { kind: 'backtest_end'; backtestId: string; status: string; at: number }
  | { kind: 'seats'; seats: number }
  | { kind: 'queue'; queue: string; waiting: number };

/** The channels whose events rules look at. */
export type WatchedChannel = 'market_data' | 'agent_status' | 'backtest_progress';

interface Fields {
  price?: number;
  status?: string;
  /** Published by this project's own agents, and by whoever likes to; the protocol does not know it. */
  memory_percent?: unknown;
}

/** Reads a frame that was checked. @returns null when it holds nothing that a rule looks at */
export function observe(
  channel: WatchedChannel,
  event: { key: string | null; frame: Buffer; at: number },
): Observation | null {
  const { key, at } = event;
  if (key === null) return null;
  const { price, status = '', memory_percent: memory } = fieldsOf(event.frame);
  switch (channel) {
    case 'market_data':
      return price === undefined ? null : { kind: 'quote', symbol: key, price, at };
    case 'agent_status':
      return { kind: 'agent', agentId: key, status, memoryPercent: typeof memory === 'number' ? memory : null, at };
    case 'backtest_progress':
      return TERMINAL_STATUSES.includes(status) ? { kind: 'backtest_end', backtestId: key, status, at } : null;
  }
}

function fieldsOf(frame: Buffer): Fields {
  return (JSON.parse(frame.toString()) as { data: Fields }).data;
}
