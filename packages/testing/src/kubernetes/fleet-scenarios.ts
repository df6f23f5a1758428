import { connectDirectly } from '../chaos/direct-redis.ts';
import { eventually } from '../eventually.ts';
import { describeReport } from '../rollout/report.ts';
import { scale } from '../rollout/scale.ts';
import type { Cluster } from './cluster.ts';
import { openPodFleet, type PodFleet } from './pod-fleet.ts';
import { secretIn } from './local-secrets.ts';
import { killPod, rollOut } from './roll-out.ts';
import { say } from './steps.ts';

/** A seat is kept for 30 s after a drain. */
const FREE_WITHIN_MS = 60_000;

/**
 * What the rollout kit promises of any fleet, with the pods of the overlay `local`.
 *
 * @param manifests the folder it was applied from, with the secrets
 */
export async function runFleetScenarios(cluster: Cluster, manifests: string): Promise<void> {
  const { kubectl } = cluster;
  // Their quotes and alerts would be taken for the scenarios' own.
  await kubectl.run(['-n', 'tickcast', 'scale', 'deployment/producers', '--replicas=0']);
  const fleet = await openLocalFleet(cluster, manifests);
  try {
    say(describeReport(await rollOut(fleet, kubectl)));
    await emptied(fleet);
    const { bereaved, outAfterMs, backAfterMs, absenceMs } = await killPod(fleet);
    say(
      `killed: a pod with ${bereaved} clients; the Service sent nobody there after ${outAfterMs.toFixed()} ms and again ` +
        `after ${backAfterMs.toFixed()} ms\naway between two seats: p50 ${absenceMs.p50.toFixed()} ms, max ${absenceMs.max.toFixed()} ms`,
    );
    await emptied(fleet);
    say(describeReport(await scale(fleet, { from: 2, to: 5 })));
  } finally {
    await fleet.stop();
  }
}

/** With the secrets that the overlay `local` was applied with. */
export function openLocalFleet(cluster: Cluster, manifests: string): Promise<PodFleet> {
  const secret = secretIn(manifests, 'auth.env', 'secret');
  const [redisUser = ''] = /^redis:.*@/.exec(secretIn(manifests, 'redis.env', 'producers-url')) ?? [];
  return openPodFleet(cluster, { secret, redisUser });
}

/** The next scenario begins with no client and no quote: an old one would be sent first. */
async function emptied({ redisUrl, redisPrefix }: PodFleet): Promise<void> {
  const redis = connectDirectly(redisUrl);
  try {
    const nobody = async () => (await redis.zcard(`${redisPrefix}{seats}`)) === 0;
    await eventually(nobody, { withinMs: FREE_WITHIN_MS });
    const [, quotes] = await redis.scan(0, 'MATCH', `${redisPrefix}{market_data:*`, 'COUNT', 10_000);
    await redis.del(...quotes);
  } finally {
    redis.disconnect();
  }
}
