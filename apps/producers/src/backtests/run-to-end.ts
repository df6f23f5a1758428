import { setTimeout as sleep } from 'node:timers/promises';
import { backtestEvent, type BacktestJobProgress, type BacktestReport, isCancelRequested } from '@tickcast/jobs';
import type { Job } from 'bullmq';
import type { Bus } from '../bus.ts';
import type { JobInHand } from '../jobs/job-worker.ts';
import type { Backtest, BacktestCheckpoint } from './engine.ts';
import { createPace, type Pace } from './pace.ts';
import { createReportSchedule } from './report-schedule.ts';
import type { Turns } from './turns.ts';

interface BacktestToRun {
  bus: Bus;
  backtestId: string;
  backtest: Backtest;
  /** As fast as it goes when undefined. */
  daysPerSecond: number | undefined;
  /** What was published of it before; null for nothing. */
  last: BacktestReport | null;
  turns: Turns;
}

/** As a job keeps it for the worker that goes on with it. */
export type SavedBacktest = BacktestJobProgress & { readonly checkpoint: BacktestCheckpoint };

/** Other things that the process does wait so long. */
const SLICE_MS = 8;
const SAVE_MS = 1000;
const ASK_CANCELLED_MS = 500;
const MAX_PAUSE_MS = 250;

/**
 * Runs a backtest, and publishes and saves how far it is, until its end or until somebody cancels it.
 *
 * @returns the report of its end, which is not published yet
 * @throws LeaseLostError when another worker has the job; the signal's reason: then it was saved
 */
export async function runToEnd(run: BacktestToRun, inHand: JobInHand<unknown>): Promise<BacktestReport> {
  const { bus, backtestId, backtest, daysPerSecond, last, turns } = run;
  const { job, held, signal } = inHand;
  const pace = createPace(daysPerSecond);
  const schedule = createReportSchedule(last?.completed_days ?? -1);
  const saving = createSaving(backtest, inHand);
  const cancelling = watchCancelling(bus, backtestId, job);
  let shown = last;

  const slice = (): void => {
    const until = performance.now() + SLICE_MS;
    while (!backtest.done && pace.untilNext() === 0 && performance.now() < until) {
      backtest.step();
      pace.stepped();
    }
  };

  try {
    while (!backtest.done) {
      if (schedule.isDue(backtest)) {
        shown = reportOf(backtest, pace);
        await bus.publishSurely(backtestEvent(backtestId, shown), { signal, held });
        schedule.reported(backtest);
        saving.save();
      }
      const pauseMs = Math.min(pace.untilNext(), MAX_PAUSE_MS);
      await (pauseMs === 0 ? turns() : sleep(pauseMs));
      signal.throwIfAborted();
      if (cancelling.asked) {
        const report = reportOf(backtest, pace);
        // What goes on from before what was published last does not go back.
        const farthest = shown !== null && shown.completed_days > report.completed_days ? shown : report;
        return { ...farthest, status: 'cancelled', estimated_remaining: 0 };
      }
      slice();
      saving.saveAtTimes();
    }
  } catch (error) {
    if (signal.aborted) await saving.flush();
    throw error;
  } finally {
    cancelling.end();
  }
  return { ...reportOf(backtest, pace), status: 'completed', estimated_remaining: 0, result: backtest.summary() };
}

function reportOf(backtest: Backtest, pace: Pace): BacktestReport {
  const remaining = pace.remaining(backtest.totalDays - backtest.completedDays);
  return { ...progressOf(backtest), estimated_remaining: Number(remaining.toFixed(1)), status: 'running' };
}

function progressOf({ completedDays, totalDays, currentDate }: Backtest): BacktestJobProgress {
  return {
    progress: Number((completedDays / totalDays).toFixed(4)),
    current_date: currentDate,
    total_days: totalDays,
    completed_days: completedDays,
  };
}

/** A save that fails, or that did not come about, costs the days since the one before. */
function createSaving(backtest: Backtest, { save }: JobInHand<unknown>) {
  let savedDays = backtest.completedDays;
  let savedAt = performance.now();
  let underWay: Promise<void> | null = null;

  const start = (): void => {
    if (underWay !== null || backtest.completedDays === savedDays) return;
    savedDays = backtest.completedDays;
    savedAt = performance.now();
    const saved: SavedBacktest = { ...progressOf(backtest), checkpoint: backtest.checkpoint() };
    underWay = save(saved)
      .catch(() => undefined)
      .finally(() => (underWay = null));
  };

  return {
    save: start,
    saveAtTimes() {
      if (performance.now() - savedAt >= SAVE_MS) start();
    },
    async flush() {
      await underWay;
      start();
      await underWay;
    },
  };
}

/** Asks Redis now and then; while it is away, nobody could cancel anything. */
function watchCancelling({ redis, redisPrefix }: Bus, backtestId: string, job: Job) {
  let asked = false;
  const timer = setInterval(() => {
    isCancelRequested(job, { redis, redisPrefix, backtestId }).then(
      (answer) => (asked ||= answer),
      () => undefined,
    );
  }, ASK_CANCELLED_MS);
  return {
    get asked() {
      return asked;
    },
    end: () => clearInterval(timer),
  };
}
