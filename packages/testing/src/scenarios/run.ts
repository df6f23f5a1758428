import type { ScenarioCluster } from './clusters.ts';
import { openDoor } from './door.ts';
import type { Driver } from './driver.ts';
import { startPublishing } from './publishing.ts';
import type { Scenario } from './scenario.ts';
import { takeSteps } from './steps.ts';
import { judge } from './verdict.ts';
import { World } from './world.ts';

const SHOWN = 60;
const HEARTBEAT = new Set<unknown>(['ping', 'pong']);

/**
 * Has the client behind a driver go through a scenario, in a real cluster. The driver is ready for another one afterwards.
 *
 * @throws when a step can't be done or the end is not what it must be; the message tells the story
 */
export async function runScenario(scenario: Scenario, cluster: ScenarioCluster, driver: Driver): Promise<void> {
  const publishing = await startPublishing(cluster);
  const door = await openDoor(cluster.nodes[0]?.port ?? 0);
  const world = new World(scenario, { cluster, door, driver, publishing });
  try {
    const problems: string[] = [];
    await takeSteps(world).catch((error: Error) => problems.push(error.message));
    problems.push(...judge(world));
    const told = problems.length > 0 ? story(world) : '';
    await driver.reset().catch((error: Error) => problems.push(`the driver did not reset: ${error.message}`));
    // An unhandled rejection, a task that nobody awaited: the runtimes say so there.
    problems.push(...driver.complaints.splice(0).map((line) => `the driver complained: ${line}`));
    if (problems.length > 0) throw new Error([...problems, told].join('\n'));
  } finally {
    publishing.close();
    // Seats are free at once where their nodes still are.
    for (const guest of world.guests) guest.socket.close(1000);
    door.close();
  }
}

/** What happened last, in order. */
function story({ driver, door }: World): string {
  const start = Math.min(driver.reports[0]?.at ?? Infinity, door.attempts[0] ?? Infinity);
  const lines = [
    ...driver.reports.map(({ at, ...report }) => ({ at, text: `report  ${JSON.stringify(report).slice(0, 300)}` })),
    ...door.attempts.map((at, index) => ({ at, text: `door    connection ${index + 1}` })),
    ...door.sent
      .filter(({ what }) => !HEARTBEAT.has(what['type']))
      .map(({ at, connection, direction, what }) => ({
        at,
        text: `wire ${connection}  ${direction} ${JSON.stringify(what).slice(0, 300)}`,
      })),
  ].toSorted((one, other) => one.at - other.at);
  const shown = lines.slice(-SHOWN).map(({ at, text }) => `${String(Math.round(at - start)).padStart(6)} ${text}`);
  return [`of ${lines.length} lines the last ${shown.length}:`, ...shown].join('\n');
}
