/**
 * `npm run e2e:containers [-- SCENARIO...]`: builds the real images, brings up the real docker-compose.yml, walks what
 * clients and operators do with it, and runs the edge of k8s/ as podman plays it. Leaves images behind, and nothing else.
 */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkImages } from './check-images.ts';
import { clientScenario } from './client-scenario.ts';
import { openCompose } from './compose.ts';
import { killScenario, rollScenario, scaleScenario, updateScenario } from './fleet-scenarios.ts';
import { buildImages, describeImages } from './images.ts';
import { kubeScenario } from './kube-scenario.ts';
import { preparePodman, type Podman } from './podman.ts';
import { restartScenario } from './restart-scenario.ts';
import { ensureStandIns } from './stand-ins.ts';
import { startSteps, type Steps } from './steps.ts';
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

/** The exit code of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;
const SETTLES_WITHIN_MS = 30_000;

/** @returns the exit code */
async function main(wanted: readonly string[]): Promise<number> {
  const known = ['images', ...Object.keys(SCENARIOS)];
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`There is no scenario ${unknown.join(', ')}: ${known.join(', ')}.`);
    return 2;
  }
  const python = process.env['TICKCAST_TEST_PYTHON_CONTAINERS'];
  if (python === undefined)
    throw new Error('no Python environment: run this by `npm run e2e:containers`, which makes it');

  const steps = startSteps();
  const podman = await preparePodman();
  const scenarios = wanted.length === 0 ? known : wanted;
  const work = walkThrough(podman, steps, python, scenarios).then(
    () => 0,
    (error: Error) => {
      console.error(`\n${error.message}`);
      return 1;
    },
  );
  const code = await Promise.race([work, untilSignal()]);
  if (code === INTERRUPTED) {
    // What is under way fails by it, and must be through before what it has left is taken down too.
    await podman.stop().catch(() => undefined);
    await Promise.race([work, sleep(SETTLES_WITHIN_MS)]);
  }
  await podman.stop();
  console.log(`\n${steps.table()}`);
  return code;
}

async function walkThrough(podman: Podman, steps: Steps, python: string, wanted: readonly string[]): Promise<void> {
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
  if (wanted.includes('images')) await checkImages(walk);
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (!wanted.includes(name)) continue;
    steps.begin(name);
    await scenario(walk);
    await podman.stop();
  }
}

function untilSignal(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(INTERRUPTED));
  });
}

// Not left to the last socket: a failed step may have left one open.
process.exit(await main(process.argv.slice(2)));
