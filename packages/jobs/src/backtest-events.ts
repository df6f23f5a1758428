import type { NewEvent, StoredStream } from '@tickcast/backplane';
import { type PublishedBacktestProgress, TERMINAL_STATUSES } from '@tickcast/protocol';
import { isDay } from './backtest-request.ts';

/** The fields of `backtest_progress`, with what the last event of a backtest says besides. */
export type BacktestReport = PublishedBacktestProgress['data'] & {
  /** The summary of a `completed` backtest. */
  result?: unknown;
  /** Why it `failed`. */
  error?: string;
};

/**
 * All that end a backtest use this event id, whatever the end, so that a backtest has one end: Redis knows it for 5
 * minutes, and after that it is the stream's last value.
 */
const END = 'end';

/** One event of a backtest, with the event id that makes it safe to publish it again. */
export function backtestEvent(backtestId: string, data: BacktestReport) {
  return {
    id: { channel: 'backtest_progress', key: backtestId },
    frame: { type: 'backtest_progress', backtest_id: backtestId, data },
    eventId: isTerminal(data) ? END : String(data.completed_days),
  } as const satisfies Omit<NewEvent, 'frame'> & { frame: object };
}

/** Whether a backtest publishes nothing after this. */
export function isTerminal({ status }: BacktestReport): boolean {
  return status !== undefined && TERMINAL_STATUSES.includes(status);
}

/** What a backtest last reported; null when it never did. */
export function lastReport(stream: StoredStream | undefined): BacktestReport | null {
  if (stream === undefined || stream.frame === null) return null;
  return (JSON.parse(stream.frame.toString()) as { data: BacktestReport }).data;
}

/**
 * How far a backtest is that never reported.
 *
 * @param request anything: nobody may have checked it, and Redis refuses an end with a day that is no text for it
 */
export function noProgress(request: unknown): BacktestReport {
  const { from } = (request ?? {}) as { from?: unknown };
  const day = typeof from === 'string' && isDay(from) ? from : '';
  return { progress: 0, current_date: day, total_days: 0, completed_days: 0, estimated_remaining: 0 };
}
