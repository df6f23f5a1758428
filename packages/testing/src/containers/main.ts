/**
 * `npm run e2e:containers [-- SCENARIO...]`: builds the real images, brings up the real docker-compose.yml, walks what
 * clients and operators do with it, and runs the edge of k8s/ as podman plays it. Leaves images behind, and nothing else.
 */
import { dirname, join } from 'node:path';
import { checkImages } from './check-images.ts';
import { clientScenario } from './client-scenario.ts';
import { openCompose } from './compose.ts';
import { killScenario, rollScenario, scaleScenario, updateScenario } from './fleet-scenarios.ts';
import { buildImages, describeImages } from './images.ts';
import { kubeScenario } from './kube-scenario.ts';
import { preparePodman, type Podman } from './podman.ts';
import { restartScenario } from './restart-scenario.ts';
import { ensureStandIns } from './stand-ins.ts';
import { startSteps } from './steps.ts';
import type { Walk } from './walk.ts';

const SCENARIOS: Record<string, (walk: Walk) => Promise<void>> = {
  compose: clientScenario,
  restart: restartScenario,
  scale: scaleScenario,
  roll: rollScenario,
  update: updateScenario,
  kill: killScenario,
  kube: kubeScenario,
};

/** @returns the exit code */
async function main(wanted: readonly string[]): Promise<number> {
  const known = ['images', ...Object.keys(SCENARIOS)];
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`There is no scenario ${unknown.join(', ')}: ${known.join(', ')}.`);
    return 2;
  }
  const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
  const python = process.env['TICKCAST_TEST_PYTHON_CONTAINERS'];
  if (python === undefined)
    throw new Error('no Python environment: run this by `npm run e2e:containers`, which makes it');

  const steps = startSteps();
  const podman = await preparePodman();
  const ending = endOnSignal(podman);
  try {
    steps.begin('images');
    await steps.show('base images', () => ensureStandIns(podman, steps.say));
    await steps.show('all targets of deploy/Dockerfile built', async () => {
      steps.say(describeImages(await buildImages(podman)));
    });
    const compose = await openCompose(podman, join(dirname(python), 'podman-compose'), {
      // Time for a few hundred clients to be sent on; the scenarios need not last longer.
      TICKCAST_DRAIN_SECONDS: '5',
      TICKCAST_SAMPLE_BACKTEST_SECONDS: '5',
    });
    const walk = { podman, compose, steps, python };
    if (isWanted('images')) await checkImages(walk);
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      if (!isWanted(name)) continue;
      steps.begin(name);
      await scenario(walk);
      await podman.stop();
    }
    return 0;
  } catch (error) {
    if (ending.isDue) return 130;
    console.error(`\n${(error as Error).message}`);
    return 1;
  } finally {
    await podman.stop();
    console.log(`\n${steps.table()}`);
  }
}

/** A first Ctrl-C takes everything down, which makes the running step fail. */
function endOnSignal(podman: Podman): { readonly isDue: boolean } {
  const ending = { isDue: false };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      ending.isDue = true;
      void podman.stop();
    });
  }
  return ending;
}

// Not left to the last socket: a failed step may have left one open.
process.exit(await main(process.argv.slice(2)));
