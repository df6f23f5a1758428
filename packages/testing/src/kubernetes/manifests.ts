import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../containers/podman-home.ts';
import { eventually } from '../eventually.ts';
import { runCommand } from '../command.ts';
import type { Kubectl, Resource } from './kubectl.ts';
import { expectThat } from '../rollout/promises.ts';
import { NAMESPACE, removeNamespace } from './product.ts';
import { say } from './steps.ts';

const WORKLOADS = ['Deployment', 'StatefulSet'];

/**
 * A copy of k8s/ with the secrets of the overlay `local` made, so that the repository stays as it is.
 *
 * @returns its folder
 */
export async function copyManifests(root: string): Promise<string> {
  const folder = join(root, 'k8s');
  await cp(join(ROOT, 'k8s'), folder, { recursive: true, filter: (path) => !path.endsWith('/secrets') });
  await runCommand('/bin/sh', [join(folder, 'overlays/local/make-secrets.sh')]);
  return folder;
}

export async function overlaysIn(manifests: string): Promise<string[]> {
  const names = await readdir(join(manifests, 'overlays'));
  return names.map((name) => join(manifests, 'overlays', name));
}

/**
 * Puts an overlay into an empty cluster without a node as a person does, again, and in a newer version, and takes it away.
 *
 * @throws when the API server refuses or warns of anything, when the second time changes anything, when the new version is not
 *   taken, or when the pods of a workload are not admitted to the namespace
 */
export async function tryOverlay(kubectl: Kubectl, folder: string): Promise<void> {
  const name = folder.split('/').at(-1) ?? folder;
  const apply = (...more: string[]): Promise<string> =>
    kubectl.change(['apply', '--validate=strict', '-k', folder, ...more]);
  const first = lines(await apply());
  say(`${name}: ${first.length} objects taken, without a warning`);

  const server = ['--server-side', '--force-conflicts'];
  // The second on the server's side: the first takes the fields over.
  for (const more of [[], server]) {
    if (more.length > 0) await apply(...more);
    const before = await versionsOf(kubectl, folder);
    await apply(...more);
    const after = await versionsOf(kubectl, folder);
    const touched = [...after].filter(([object, version]) => before.get(object) !== version);
    expectThat(
      touched.length === 0,
      `a second \`kubectl apply ${more.join(' ')}\` changes nothing`,
      JSON.stringify(touched),
    );
  }
  say(`${name}: the second time changes nothing, on either side`);

  await expectPodsAdmitted(kubectl);
  say(`${name}: every workload gets its pods under the Pod Security Standard that the namespace enforces`);

  await setNewVersion(folder);
  const update = lines(await apply(...server));
  await expectPodsAdmitted(kubectl, '0.1.1');
  say(`${name}: a new version of the images is taken by all ${update.length} objects`);
  await removeNamespace(kubectl);
}

/** Each workload has as many pods as it asks for, and a run of the CronJob one. */
async function expectPodsAdmitted(kubectl: Kubectl, version?: string): Promise<void> {
  const now = `install-function-${Date.now()}`;
  await kubectl.change(['-n', NAMESPACE, 'create', 'job', '--from=cronjob/install-function', now]);
  await eventually(
    async () => {
      const pods = await kubectl.list(['-n', NAMESPACE, 'pods']);
      for (const workload of await kubectl.list(['-n', NAMESPACE, WORKLOADS.join(',')])) {
        const wanted = Number(workload.spec?.['replicas']);
        const own = pods.filter(({ metadata }) => metadata.name.startsWith(`${workload.metadata.name}-`));
        expectThat(own.length >= wanted, `${workload.metadata.name} has ${wanted} pods`, await whyNot(kubectl));
      }
      const job = pods.filter(({ metadata }) => metadata.name.startsWith(now));
      expectThat(job.length === 1, 'the job has a pod', await whyNot(kubectl));
      if (version === undefined) return;
      const images = pods.flatMap(imagesOf);
      for (const app of ['edge', 'producers', 'cli']) {
        const isNew = images.some((image) => image.endsWith(`tickcast/${app}:${version}`));
        expectThat(isNew, `a pod of ${app} ${version} is made`, images.join(', '));
      }
    },
    { withinMs: 30_000 },
  );
}

async function whyNot(kubectl: Kubectl): Promise<string> {
  return kubectl.run(['-n', NAMESPACE, 'events', '--types=Warning']);
}

function imagesOf(pod: Resource): string[] {
  return (pod.spec as { containers: { image: string }[] }).containers.map(({ image }) => image);
}

async function versionsOf(kubectl: Kubectl, folder: string): Promise<Map<string, unknown>> {
  const { items } = await kubectl.get<{ items: Resource[] }>(['-k', folder]);
  // A generation counts changes of what is asked for; the controllers' reports make new versions all the time.
  return new Map(
    items.map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.generation ?? metadata.resourceVersion]),
  );
}

/** As a person does who edits the overlay. */
async function setNewVersion(folder: string): Promise<void> {
  const path = join(folder, 'kustomization.yaml');
  await writeFile(path, (await readFile(path, 'utf8')).replaceAll('newTag: 0.1.0', 'newTag: 0.1.1'));
}

function lines(text: string): string[] {
  return text.trimEnd().split('\n');
}
