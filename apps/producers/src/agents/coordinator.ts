import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus } from '../bus.ts';
import { runDuty } from '../duty.ts';
import { createAgentReports, type AgentReports, type Figures } from './agent-reports.ts';
import { reportTheDead } from './dead-agents.ts';

export const COORDINATOR = 'coordinator';
const WATCH_MS = 1000;
const LAST_WORDS_MS = 2000;

interface CoordinatorOptions {
  bus: Bus;
  /** Of this process; its queue is that of the whole cluster. */
  figures: Figures;
  signal: AbortSignal;
  /** Done once by each new leader: what is to be in Redis once for all workers. */
  onElected: () => Promise<void>;
}

export interface Coordinator {
  /** Reports again, while this worker leads. */
  refresh(): Promise<void>;
  readonly leads: boolean;
  /** Resolves when it leads no more, after `signal`. */
  readonly ended: Promise<void>;
}

/** The agent `coordinator` is the one worker that was elected: it reports the agents that died. */
export function runCoordinator({ bus, figures, signal, onElected }: CoordinatorOptions): Coordinator {
  let reports: AgentReports | null = null;

  const ended = runDuty({
    bus,
    name: COORDINATOR,
    signal,
    async work(held, leading) {
      // Its last words come after `leading`.
      const publishing = new AbortController();
      const own = createAgentReports({ bus, agentId: COORDINATOR, figures, signal: publishing.signal, held });
      reports = own;
      try {
        await own.change('running');
        await onElected();
        while (!leading.aborted) {
          await reportTheDead(bus, held, leading);
          await sleep(WATCH_MS, undefined, { signal: leading }).catch(() => undefined);
        }
      } finally {
        reports = null;
        if (signal.aborted) {
          const timer = setTimeout(() => publishing.abort(), bus.up ? LAST_WORDS_MS : 0);
          await own.change('stopping');
          await own.change('stopped');
          clearTimeout(timer);
        }
        publishing.abort();
      }
    },
  });

  return {
    refresh: async () => reports?.refresh(),
    get leads() {
      return reports !== null;
    },
    ended,
  };
}
