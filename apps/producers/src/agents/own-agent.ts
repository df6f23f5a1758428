import { createAgentRegistry, withDeadline } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import { createAgentReports, type Figures } from './agent-reports.ts';
import { openRefreshJob } from './refresh-job.ts';

const LEASE_SECONDS = 15;
const RENEW_MS = 5000;
/** Past the scheduler's 28 s, before the contract's 30: the schedule was lost. */
const OVERDUE_MS = 29_000;
const CHECK_MS = 500;
const LAST_WORDS_MS = 2000;

interface OwnAgentOptions {
  bus: Bus;
  agentId: string;
  figures: Figures;
}

/** This process as an agent: it reports every 28 s and whenever its status changes, and the others report its death. */
export interface OwnAgent {
  running(): Promise<void>;
  /** Resolves within 2 s, also when Redis is away. */
  stopping(): Promise<void>;
  /** The last words. Resolves within a few seconds, also when Redis is away. */
  stopped(): Promise<void>;
}

export function startOwnAgent({ bus, agentId, figures }: OwnAgentOptions): OwnAgent {
  const ended = new AbortController();
  const { signal } = ended;
  const registry = createAgentRegistry(bus);
  const reports = createAgentReports({ bus, agentId, figures, signal });
  const job = openRefreshJob(bus, agentId, reports.refresh);

  const registered = deferred();

  const schedule = (): void => {
    job.schedule().catch((error: Error) => bus.log.warn({ problem: error.message }, 'no refresh could be scheduled'));
  };
  const renew = async (): Promise<void> => {
    const published = await registry.renew(agentId, LEASE_SECONDS);
    if (reports.state === null || published === reports.state) return;
    // Others took this process for dead while it was stopped, and removed its queue; or Redis lost what it had.
    schedule();
    await reports.repeat();
  };

  let renewedAt = Number.NEGATIVE_INFINITY;
  const tick = (): void => {
    if (!bus.up) return;
    const now = performance.now();
    if (now - renewedAt >= RENEW_MS) {
      renewedAt = now;
      renew().then(registered.resolve, bus.noteFailure);
    }
    if (reports.state === 'running' && now - reports.reportedAt > OVERDUE_MS) {
      schedule();
      void reports.refresh();
    }
  };
  const timer = setInterval(tick, CHECK_MS);
  const stopListening = bus.onUp(() => {
    renewedAt = Number.NEGATIVE_INFINITY;
    schedule();
    tick();
  });
  // Who is known to run must be missed when it dies: it says so once it is registered.
  const started = registered.promise.then(() => reports.change('starting'));

  /** Last words are worth waiting for while there is somebody to hear them. */
  const inTime = async (work: Promise<unknown>): Promise<void> => {
    await withDeadline(work, bus.up ? LAST_WORDS_MS : 0).catch(() => undefined);
  };

  return {
    running: async () => {
      await started;
      // It may have been told to stop meanwhile.
      if (reports.state === 'starting') await reports.change('running');
    },
    stopping: () => inTime(reports.change('stopping')),
    async stopped() {
      clearInterval(timer);
      stopListening();
      await inTime(reports.change('stopped'));
      await inTime(registry.leave(agentId));
      ended.abort();
      await inTime(job.close());
    },
  };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
