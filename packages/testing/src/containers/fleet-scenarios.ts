import type { Fleet } from '../rollout/fleet.ts';
import { killOne } from '../rollout/kill.ts';
import { describeReport } from '../rollout/report.ts';
import { type RollReport, expectMovedOnce, roll } from '../rollout/roll.ts';
import { scale } from '../rollout/scale.ts';
import { openContainerFleet } from './container-fleet.ts';
import { bringUp, untilServing } from './deployment.ts';
import type { Walk } from './walk.ts';

/** The deployment without its workers: their alerts would come between those that are counted. */
async function bringUpFleet(walk: Walk): Promise<Fleet> {
  await walk.compose.down();
  await bringUp(walk);
  const workers = await walk.compose.containers('producers');
  await walk.podman.run(['stop', ...workers]);
  return openContainerFleet(walk.podman, walk.compose);
}

export async function scaleScenario(walk: Walk): Promise<void> {
  const fleet = await bringUpFleet(walk);
  await walk.steps.show('2 to 5 edges under load, and back to 2', async () => {
    const report = await scale(fleet, { from: 2, to: 5 });
    walk.steps.say(describeReport(report));
    return `${report.clients} clients, none lost a seat or an alert`;
  });
}

export async function rollScenario(walk: Walk): Promise<void> {
  const fleet = await bringUpFleet(walk);
  await walk.steps.show('edges replaced one by one with all seats taken', async () => {
    const report = await roll(fleet);
    walk.steps.say(describeReport(report));
    return describeRoll(report);
  });
}

/** As deploy/README.md says an update goes: new edges beside the old ones, then all the old ones drain at once. */
export async function updateScenario(walk: Walk): Promise<void> {
  const { compose, steps } = walk;
  const fleet = await bringUpFleet(walk);
  await steps.show('an update as documented, with all seats taken', async () => {
    const report = await roll(fleet, async (old) => {
      await compose.up('--no-recreate', '--no-deps', '--scale', 'edge=6', 'edge');
      await untilServing(walk, 6);
      return Promise.all(old.map(({ name }) => fleet.drain(name)));
    });
    expectMovedOnce(report);
    steps.say(describeReport(report));
    return describeRoll(report);
  });
}

export async function killScenario(walk: Walk): Promise<void> {
  const fleet = await bringUpFleet(walk);
  await walk.steps.show('an edge killed with all seats taken', async () => {
    const report = await killOne(fleet);
    walk.steps.say(describeReport(report));
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    return `out of the balancer after ${seconds(report.outAfterMs)}, seats free after ${seconds(report.freeAfterMs)}`;
  });
}

function describeRoll({ clients, latencyMs }: RollReport): string {
  const { during } = latencyMs;
  return `${clients} clients kept their seats and got every alert, p50 ${during.p50.toFixed(0)} ms, p99 ${during.p99.toFixed(0)} ms`;
}
