import { join } from 'node:path';
import { buildImages, describeImages } from '../containers/images.ts';
import { makePodmanHome } from '../containers/podman-home.ts';
import type { Podman } from '../containers/podman.ts';
import { runCommand } from '../command.ts';
import { ensureStandIns } from '../containers/stand-ins.ts';
import { addBasics, renewDisk } from './add-ons.ts';
import { tryAutoscaling } from './autoscaling.ts';
import type { Cluster } from './cluster.ts';
import { runFleetScenarios } from './fleet-scenarios.ts';
import { copyManifests, overlaysIn, tryOverlay } from './manifests.ts';
import { tryNetworkPolicies } from './network-policies.ts';
import { loadImages } from './node-images.ts';
import { openPage } from './page.ts';
import { removeNamespace } from './product.ts';
import { tryProduction } from './production.ts';
import { expectMistakesRefused } from './refusals.ts';
import { say } from './steps.ts';
import { tryTroubles } from './troubles.ts';
import { restartRedis, walkThroughScaling, walkThroughUpdate, walkToLiveData } from './walk.ts';

interface ChapterOf {
  title: string;
  /** @param resources folders with definitions of resources that Kubernetes does not bring */
  show(cluster: Cluster, resources: readonly string[]): Promise<void>;
}

/** In the order in which they are gone through; each leaves the cluster as it found it, but for the node. */
export const CHAPTERS = {
  manifests: { title: 'The manifests, before an API server', show: showManifests },
  page: { title: 'The page k8s/README.md, walked', show: showPage },
  fleet: { title: 'The edges of that cluster: rolled, killed, scaled', show: showFleet },
  autoscaling: { title: 'The autoscaler, with Prometheus and its adapter', show: showAutoscaling },
  production: { title: 'Production: behind a gateway, behind an ingress', show: showProduction },
} as const satisfies Record<string, ChapterOf>;

export type Chapter = keyof typeof CHAPTERS;

export function isChapter(name: string): name is Chapter {
  return name in CHAPTERS;
}

const defined = new WeakSet<Cluster>();
const joined = new WeakSet<Cluster>();

async function showManifests(cluster: Cluster, resources: readonly string[]): Promise<void> {
  const { kubectl, layout } = cluster;
  await define(cluster, resources);
  for (const overlay of await overlaysIn(await copyManifests(layout.root))) await tryOverlay(kubectl, overlay);
  const production = join(await copyManifests(layout.root), 'overlays/production');
  await kubectl.change(['apply', '--validate=strict', '-k', production]);
  await expectMistakesRefused(kubectl, production);
  await removeNamespace(kubectl);
}

async function showPage(cluster: Cluster): Promise<void> {
  const { kubectl, layout } = cluster;
  await joinNode(cluster);
  const manifests = await copyManifests(layout.root);
  const page = openPage(join(manifests, 'README.md'), layout.root, kubectl.environment);
  await walkToLiveData(cluster, page);
  await restartRedis(cluster, page, manifests);
  await tryNetworkPolicies(kubectl);
  await tryTroubles(kubectl, join(manifests, 'README.md'));
  await walkThroughUpdate(cluster, page);
  await walkThroughScaling(cluster, page);
  await page.typeInline('kubectl delete -k k8s/overlays/local');
  await renewDisk(kubectl, layout);
}

async function showFleet(cluster: Cluster): Promise<void> {
  await runFleetScenarios(cluster, await applyLocal(cluster));
  await removeLocal(cluster);
}

async function showAutoscaling(cluster: Cluster): Promise<void> {
  await tryAutoscaling(cluster, await applyLocal(cluster));
  await removeLocal(cluster);
}

/** The first steps of the page. @returns the folder of the manifests, with the secrets */
async function applyLocal(cluster: Cluster): Promise<string> {
  await joinNode(cluster);
  const { kubectl, layout } = cluster;
  const manifests = await copyManifests(layout.root);
  const page = openPage(join(manifests, 'README.md'), layout.root, kubectl.environment);
  for (const heading of ['2. Make the secrets and apply', '3. Install the Redis Function']) {
    for (const block of page.commands(heading)) await page.type(block);
  }
  return manifests;
}

async function removeLocal({ kubectl, layout }: Cluster): Promise<void> {
  await removeNamespace(kubectl);
  await renewDisk(kubectl, layout);
}

async function showProduction(cluster: Cluster, resources: readonly string[]): Promise<void> {
  await define(cluster, resources);
  await joinNode(cluster);
  await tryProduction(cluster, await copyManifests(cluster.layout.root));
}

/** Gives the API the resources of the Gateway API and of KEDA, once. */
async function define(cluster: Cluster, resources: readonly string[]): Promise<void> {
  if (defined.has(cluster)) return;
  const { kubectl } = cluster;
  for (const folder of resources) await kubectl.change(['apply', '--server-side', '-f', folder]);
  await kubectl.run(['wait', '--for=condition=Established', 'crd', '--all']);
  defined.add(cluster);
  const version = JSON.parse(await kubectl.run(['version', '-o', 'json'])) as { serverVersion: { gitVersion: string } };
  say(`Kubernetes ${version.serverVersion.gitVersion}, with the definitions of the Gateway API and of KEDA`);
}

/** Adds a node with all images, once. */
async function joinNode(cluster: Cluster): Promise<void> {
  if (joined.has(cluster)) return;
  const { kubectl, layout, machine } = cluster;
  const { environment } = makePodmanHome();
  // It runs no container here, so there is nothing to clear before or after.
  const podman: Podman = {
    environment,
    run: (args, options) => runCommand('podman', args, { env: environment, withinMs: 600_000, ...options }),
    stop: async () => undefined,
  };
  await ensureStandIns(podman, say);
  say(describeImages(await buildImages(podman)));
  await cluster.join();
  await loadImages(machine, layout, podman);
  await addBasics(kubectl, layout);
  joined.add(cluster);
  say('a node is ready and has the images');
}
