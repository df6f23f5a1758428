import type { Run } from '../types.ts';
import { canPin, othersShareACore } from './pinning.ts';
import type { Spent } from './scene.ts';

const PERCENT = 100;
const SATURATED_PERCENT = 90;

/** What every run says of its conditions. @param latestPublishMs null where the publisher had no plan */
export function conditions(
  spent: Spent,
  published: number,
  latestPublishMs: number | null,
): Omit<Run, 'repeat' | 'figures'> {
  const share = (cpu: number) => (cpu / spent.seconds) * PERCENT;
  return {
    published,
    latestPublishMs,
    serverCpuPercent: share(spent.servers),
    generatorCpuPercent: share(spent.generator),
    redisCpuPercent: share(spent.redis),
    publisherCpuPercent: share(spent.publisher),
    othersSaturated: isSaturated(spent, othersShareACore),
    pinned: canPin,
  };
}

/**
 * Whether what is not the server had no time left. On a core of their own generator, Redis and publisher take it from each other;
 * where there are more cores only the generator, which does the most of them, can be out of time.
 */
export function isSaturated(
  { seconds, generator, redis, publisher }: Omit<Spent, 'servers'>,
  shareACore: boolean,
): boolean {
  const busy = shareACore ? generator + redis + publisher : generator;
  return (busy / seconds) * PERCENT > SATURATED_PERCENT;
}
