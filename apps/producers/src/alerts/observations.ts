import { checkPublishedFrame, TERMINAL_STATUSES } from '@tickcast/protocol';

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

/** What is wrong with a frame. */
export interface BadFrame {
  readonly problem: string;
}

/**
 * Reads a frame that comes from anybody who may write to Redis. Never throws.
 *
 * @param event.key that the frame must have; null: any
 * @returns null when it holds nothing that a rule looks at
 */
export function observe(
  channel: WatchedChannel,
  { key: expected, frame, at }: { key: string | null; frame: Buffer; at: number },
): Observation | BadFrame | null {
  const checked = checkPublishedFrame(channel, frame);
  if ('problem' in checked) return checked;
  const { key } = checked;
  if (key === null) return null;
  if (expected !== null && key !== expected) return { problem: 'the frame is one of another stream' };
  const { price, status = '', memory_percent: memory } = fieldsOf(frame);
  switch (channel) {
    case 'market_data':
      return price === undefined ? null : { kind: 'quote', symbol: key, price, at };
    case 'agent_status':
      return { kind: 'agent', agentId: key, status, memoryPercent: isFinite(memory) ? memory : null, at };
    case 'backtest_progress':
      return TERMINAL_STATUSES.includes(status) ? { kind: 'backtest_end', backtestId: key, status, at } : null;
  }
}

/** JSON has no Infinity, but 1e400 is read as one. */
function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}

function fieldsOf(checked: Buffer): Fields {
  return (JSON.parse(checked.toString()) as { data: Fields }).data;
}
