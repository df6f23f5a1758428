import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PublishedAlerts } from '@tickcast/protocol';
import type { Outlet } from './outlet.ts';
import { createProcessStatus } from './process-status.ts';
import { simulatedBacktest } from './simulated-backtest.ts';
import { createSimulatedMarket, SYMBOLS } from './simulated-market.ts';

const SEED = 20_241_118;
const QUOTE_MS = { least: 150, most: 500 };
const STATUS_MS = 28_000;
const BACKTEST_MS = 10_000;
const FIRST_ALERT_MS = 15_000;
const ALERT_MS = 90_000;

/**
 * Publishes a SIMULATION on all four channels until it is aborted: quotes of a random walk, the figures of this process,
 * a backtest that tests nothing, and now and then an alert that says what it is.
 */
export async function runSimulation(outlet: Outlet, signal: AbortSignal): Promise<void> {
  // Each loop below listens to it.
  setMaxListeners(0, signal);
  const market = createSimulatedMarket(SEED);
  const statusOf = createProcessStatus();
  const backtest = simulatedBacktest(BACKTEST_MS / 1000);
  const quotes = Object.keys(SYMBOLS).map((symbol) =>
    every(quotePause, signal, () => outlet.publish(market.quote(symbol, Date.now()))),
  );
  await Promise.all([
    ...quotes,
    every(
      () => STATUS_MS,
      signal,
      () => outlet.publish(statusOf('running', outlet.inFlight)),
    ),
    every(
      () => BACKTEST_MS,
      signal,
      () => outlet.publish(backtest.next().value),
    ),
    every(
      () => ALERT_MS,
      signal,
      () => outlet.publish(simulatedAlert()),
      FIRST_ALERT_MS,
    ),
  ]);
  await outlet.publish(statusOf('stopped', outlet.inFlight));
}

function simulatedAlert(): PublishedAlerts {
  const message = 'Simulated alert: nothing happened (模拟告警，并非真实事件)';
  return { type: 'alerts', data: { level: 'info', message, timestamp: Date.now() / 1000, source: 'simulation' } };
}

function quotePause(): number {
  return QUOTE_MS.least + Math.random() * (QUOTE_MS.most - QUOTE_MS.least);
}

/** Runs `action` again and again, `pauseMs()` after its end, until aborted. */
async function every(
  pauseMs: () => number,
  signal: AbortSignal,
  action: () => Promise<void>,
  firstAfterMs = 0,
): Promise<void> {
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => undefined);
  await pause(firstAfterMs);
  while (!signal.aborted) {
    await action();
    await pause(pauseMs());
  }
}
