import type { Job } from 'bullmq';
import { backtestIdOf } from './backtest-ids.ts';
import type { BacktestRequest } from './backtest-request.ts';

/** What a worker keeps as the `progress` of a job, besides its own checkpoint. */
export interface BacktestJobProgress {
  readonly progress: number;
  readonly current_date: string;
  readonly completed_days: number;
  readonly total_days: number;
}

/** What the job of a backtest returns. */
export interface BacktestOutcome {
  readonly status: 'completed' | 'cancelled';
  /** The summary of a `completed` one. */
  readonly result?: unknown;
}

export interface BacktestEntry {
  readonly id: string;
  /** `delayed`: waits for its next attempt, or for its time. */
  readonly state: 'waiting' | 'delayed' | 'active' | 'completed' | 'failed' | 'cancelled';
  /** As submitted; anything, if it was not checked. */
  readonly request: Partial<BacktestRequest>;
  /** From 0 to 1. */
  readonly progress: number;
  /** The simulated day; '' before the first. */
  readonly currentDate: string;
  /** Unix milliseconds. */
  readonly submittedAt: number;
  /** Unix milliseconds; null before the end. */
  readonly finishedAt: number | null;
  /** Why the last attempt failed; '' when none did. */
  readonly error: string;
}

/** Where in BullMQ a job was read from. */
export type Listed = 'waiting' | 'delayed' | 'active' | 'finished';

/** One line of the list; null for a job whose id can't be that of a backtest. */
export function backtestEntry(job: Job, state: Listed): BacktestEntry | null {
  const id = backtestIdOf(job.id ?? '');
  if (id === null) return null;
  const seen = (job.progress ?? {}) as Partial<BacktestJobProgress>;
  const shown = state === 'finished' ? endOf(job) : state;
  return {
    id,
    state: shown,
    request: (job.data ?? {}) as Partial<BacktestRequest>,
    // Its last save may be a little before its end.
    progress: shown === 'completed' ? 1 : (seen.progress ?? 0),
    currentDate: lastDayOf(job) ?? seen.current_date ?? '',
    submittedAt: job.timestamp,
    finishedAt: job.finishedOn ?? null,
    error: job.failedReason ?? '',
  };
}

function endOf(job: Job): BacktestEntry['state'] {
  const outcome = (job.returnvalue ?? null) as Partial<BacktestOutcome> | null;
  return outcome === null ? 'failed' : (outcome.status ?? 'completed');
}

/** Of a completed backtest; its last save may be a few days before its end. */
function lastDayOf(job: Job): string | null {
  const { result } = (job.returnvalue ?? {}) as Partial<BacktestOutcome>;
  const { last_date: day } = (result ?? {}) as { last_date?: unknown };
  return typeof day === 'string' ? day : null;
}
