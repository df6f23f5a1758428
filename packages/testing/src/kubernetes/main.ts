/** Shows on a real Kubernetes what the manifests and the page of k8s/ promise. Called by scripts/kubernetes/main.mjs. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../containers/podman-home.ts';
import { endAllProcesses } from '../processes.ts';
import { startCluster, type Cluster } from './cluster.ts';
import { copyManifests, overlaysIn, tryOverlay } from './manifests.ts';
import { expectMistakesRefused } from './refusals.ts';
import { chapter, say } from './steps.ts';

const { values: options } = parseArgs({
  options: {
    programs: { type: 'string' },
    resources: { type: 'string', multiple: true, default: [] },
  },
});

const programs = options.programs ?? join(ROOT, '.tickcast/kubernetes/bin');
const root = join(ROOT, '.tickcast/kubernetes/run');
await rm(root, { recursive: true, force: true });

const cluster = await startCluster(root, programs);
let stopping: Promise<void> | undefined;
const stop = (): Promise<void> => (stopping ??= cluster.stop());
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(1)));
}
try {
  await tryManifests(cluster);
} finally {
  await stop();
  await endAllProcesses();
}
say('all of it holds, and nothing is left behind');

async function tryManifests({ kubectl }: Cluster): Promise<void> {
  chapter('The manifests, before an API server');
  const { serverVersion } = JSON.parse(await kubectl.run(['version', '-o', 'json'])) as {
    serverVersion: { gitVersion: string };
  };
  say(`Kubernetes ${serverVersion.gitVersion}`);
  for (const folder of options.resources) await kubectl.change(['apply', '--server-side', '-f', folder]);
  await kubectl.run(['wait', '--for=condition=Established', 'crd', '--all']);
  say('the definitions of the Gateway API and of KEDA are in');
  for (const overlay of await overlaysIn(await copyManifests(root))) await tryOverlay(kubectl, overlay);

  chapter('Deliberate mistakes, before the same API server');
  const production = join(await copyManifests(root), 'overlays/production');
  await kubectl.change(['apply', '--validate=strict', '-k', production]);
  await expectMistakesRefused(kubectl, production);
  await kubectl.run(['delete', 'namespace', 'tickcast', '--timeout=90s'], { withinMs: 120_000 });
}
