import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import { runDuty } from '../duty.ts';
import { createAgentReports, type Figures } from './agent-reports.ts';
import { reportTheDead } from './dead-agents.ts';

const COORDINATOR = 'coordinator';
const WATCH_MS = 1000;
/** With the watching's second, within the contract's 27 to 30 s. */
const REFRESH_MS = 28_000;
const ELECTED_WITHIN_MS = 5000;
const LAST_WORDS_MS = 2000;

interface CoordinatorOptions {
  bus: Bus;
  /** Of this process; its queue is that of the whole cluster. */
  figures: Figures;
  signal: AbortSignal;
  /** Done once by each new leader: what is to be in Redis once for all workers. */
  onElected: () => Promise<void>;
}

/**
 * The agent `coordinator` is the one worker that was elected: it reports the agents that died. Resolves when it leads no
 * more, after `signal`.
 */
export function runCoordinator({ bus, figures, signal, onElected }: CoordinatorOptions): Promise<void> {
  return runDuty({
    bus,
    name: COORDINATOR,
    signal,
    async work(held, leading) {
      const publishing = new AbortController();
      const own = createAgentReports({ bus, agentId: COORDINATOR, figures, signal: publishing.signal, held });
      // Its last words come after `leading`, where somebody may hear them.
      const endPublishing = (): void => {
        setTimeout(() => publishing.abort(), signal.aborted && bus.up ? LAST_WORDS_MS : 0);
      };
      leading.addEventListener('abort', endPublishing, { once: true });
      try {
        void own.change('running');
        await withDeadline(onElected(), ELECTED_WITHIN_MS);
        while (!leading.aborted) {
          await reportTheDead(bus, held, leading);
          if (performance.now() - own.reportedAt >= REFRESH_MS) void own.refresh();
          await sleep(WATCH_MS, undefined, { signal: leading }).catch(() => undefined);
        }
      } finally {
        if (signal.aborted) {
          await own.change('stopping');
          await own.change('stopped');
        }
        publishing.abort();
      }
    },
  });
}
