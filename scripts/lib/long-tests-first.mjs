import { relative } from 'node:path';
import TestSequencer from '@jest/test-sequencer';

/**
 * Seconds that these files take. Jest starts the longest first, so that at the end no single one is waited for; but it knows
 * only what its cache remembers, and a fresh clone has none. What is missing here is merely started later than it should be.
 */
const SECONDS = {
  'apps/cli/test/backtest.test.ts': 75,
  'deploy/haproxy/rollout.test.ts': 70,
  'apps/edge/test/chaos-nodes.test.ts': 62,
  'apps/producers/test/all-channels.test.ts': 60,
  'apps/edge/test/timers.test.ts': 46,
  'apps/edge/test/chaos-mix.test.ts': 46,
  'apps/edge/test/cap.test.ts': 45,
  'apps/producers/test/backtests-redis-away.test.ts': 43,
  'apps/producers/test/agents.test.ts': 43,
  'apps/edge/test/since-busy.test.ts': 40,
  'apps/edge/test/chaos-redis.test.ts': 40,
  'apps/edge/test/drain-full-cluster.test.ts': 39,
  'apps/producers/test/agents-outage.test.ts': 38,
  'apps/edge/test/seat-ends.test.ts': 36,
  'apps/producers/test/alerts-takeover.test.ts': 36,
  'apps/producers/test/alerts-outage.test.ts': 34,
  'apps/producers/test/backtests-handed-over.test.ts': 33,
  'apps/edge/test/seats-in-outages.test.ts': 33,
  'packages/client/test/browser-conformance.test.ts': 30,
  'apps/producers/test/backtests-killed.test.ts': 29,
  'apps/producers/test/market-outage.test.ts': 28,
  'packages/client-python/test/conformance.test.ts': 25,
  'apps/edge/test/clock-jump.test.ts': 21,
  'apps/producers/test/market-replay.test.ts': 20,
  'packages/client/test/browser.test.ts': 20,
  'packages/client/test/packed.test.ts': 20,
  'packages/client/test/conformance.test.ts': 20,
  'apps/bench/test/bench-runs.test.ts': 19,
  'deploy/haproxy/edges-come-and-go.test.ts': 18,
  'apps/producers/test/market-takeover.test.ts': 17,
};
/** Those of the servers mostly take longer than those beside the sources. */
const OTHERS = { test: 5, src: 1 };

export default class LongTestsFirst extends TestSequencer {
  time(test) {
    const path = relative(test.context.config.rootDir, test.path).replaceAll('\\', '/');
    const guess = SECONDS[path] ?? (path.includes('/src/') ? OTHERS.src : OTHERS.test);
    return super.time(test) ?? guess * 1000;
  }
}
