import { createClusters, hurts } from './clusters.ts';
import { type Driver, type DriverCommand, type Report, startDriver } from './driver.ts';
import { runScenario } from './run.ts';
import { type Ability, type Scenario, loadScenarios } from './scenario.ts';

export { startDriver };
export type { Ability, Driver, DriverCommand, Report, Scenario };

export interface ScenarioSuite {
  readonly scenarios: readonly Scenario[];
  /** Resolves when the client went through it as it must; several may be on their way. @throws with the story of what happened */
  run(scenario: Scenario): Promise<void>;
  /** Ends what was started. */
  close(): Promise<void>;
}

export interface ScenarioSuiteOptions {
  /** Starts the program with the client; one goes through several scenarios, one after the other. */
  driver(): Driver;
  abilities: readonly Ability[];
  /** How many run at the same time; others wait. */
  atOnce: number;
}

/** The scenarios of `packages/protocol/conformance/clients`, for one SDK. */
export function createScenarioSuite({ driver, abilities, atOnce }: ScenarioSuiteOptions): ScenarioSuite {
  const clusters = createClusters();
  const idle: Driver[] = [];
  const waiting: (() => void)[] = [];
  let running = 0;

  const goThrough = async (scenario: Scenario) => {
    const cluster = await clusters.lend(scenario.cluster ?? {});
    const performer = idle.pop() ?? driver();
    let isWell = false;
    try {
      await runScenario(scenario, cluster, performer);
      isWell = true;
    } finally {
      if (isWell) idle.push(performer);
      else await performer.end();
      await clusters.giveBack(cluster, isWell && !hurts(scenario.steps));
    }
  };

  return {
    scenarios: loadScenarios(abilities),
    async run(scenario) {
      if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
      running++;
      try {
        await goThrough(scenario);
      } finally {
        running--;
        waiting.shift()?.();
      }
    },
    async close() {
      await Promise.all([clusters.close(), ...idle.map((each) => each.end())]);
    },
  };
}
