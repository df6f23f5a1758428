import { eventually } from '../eventually.ts';
import { withAudience } from '../rollout/audience.ts';
import { figuresOf } from '../rollout/figures.ts';
import {
  expectCapKept,
  expectEveryAlertOnce,
  expectNobodyLetIn,
  expectSeated,
  expectSeatsKept,
  expectThat,
} from '../rollout/promises.ts';
import { type RollReport, expectMovedOnce, roll } from '../rollout/roll.ts';
import type { Kubectl } from './kubectl.ts';
import type { PodFleet } from './pod-fleet.ts';

/**
 * As `roll`, in the way of the cluster: the Deployment replaces its pods by its own strategy.
 *
 * @throws as `roll`, and when a client is moved more than once
 */
export async function rollOut(fleet: PodFleet, kubectl: Kubectl): Promise<RollReport> {
  const report = await roll(fleet, async (old) => {
    const departing = Promise.all(old.map(({ name }) => fleet.departure(name)));
    await kubectl.run(['-n', 'tickcast', 'rollout', 'restart', 'deployment/edge']);
    await kubectl.run(['-n', 'tickcast', 'rollout', 'status', 'deployment/edge', '--timeout=3m'], {
      withinMs: 200_000,
    });
    return departing;
  });
  expectMovedOnce(report);
  return report;
}

const OUT_WITHIN_MS = 5000;

export interface RestartReport {
  /** Clients of the pod. */
  bereaved: number;
  /** Milliseconds from the kill until the Service sent nobody there, and until it did again. */
  outAfterMs: number;
  backAfterMs: number;
  /** Milliseconds between two seats of those clients. */
  absenceMs: { p50: number; p99: number; max: number };
}

/**
 * Takes all seats and kills the process in one pod. All its clients come back at once, Kubernetes starts it again.
 *
 * @throws when a client loses its seat or an alert, when others than the pod's clients notice, or when the Service sends
 *   newcomers there for longer than 5 s
 */
export function killPod(fleet: PodFleet): Promise<RestartReport> {
  return withAudience(fleet, { count: fleet.cap }, async (audience) => {
    const { roamers, bustle, latencies } = audience;
    await audience.listen();
    const before = await fleet.nodes();
    const [victim] = before.toSorted((one, other) => other.seated - one.seated);
    if (victim === undefined) throw new Error('there is no edge to kill');
    latencies.phase = 'during';
    await fleet.kill(victim.name);
    const killedAt = performance.now();
    await eventually(async () => !(await fleet.isServing(victim.name)), { withinMs: OUT_WITHIN_MS });
    const outAfterMs = performance.now() - killedAt;
    await eventually(() => fleet.isServing(victim.name), { withinMs: 60_000 });
    const backAfterMs = performance.now() - killedAt;
    await audience.settle();
    latencies.phase = 'after';
    await audience.listen();
    const { published, mostSeats } = await bustle.end();

    const disturbed = roamers.filter(({ nodes, closes }) => closes.length > 0 && nodes[0] !== victim.nodeId).length;
    expectThat(disturbed === 0, 'clients of the other pods stay', `${disturbed} did not`);
    expectSeatsKept(roamers);
    expectNobodyLetIn(bustle.knocks);
    expectCapKept(mostSeats, fleet.cap);
    await expectEveryAlertOnce(roamers, 1, published);
    await expectSeated(fleet, before.length, fleet.cap);
    return { bereaved: victim.seated, outAfterMs, backAfterMs, absenceMs: figuresOf(audience).absenceMs };
  });
}
