import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { connectClient } from '../client.ts';
import { eventually } from '../eventually.ts';
import { expectThat } from '../rollout/promises.ts';
import { TEST_SECRET, mintToken } from '../tokens.ts';
import { BASE_IMAGES } from './stand-ins.ts';
import { imageName } from './images.ts';
import { ROOT } from './podman-home.ts';
import type { Podman } from './podman.ts';
import type { Walk } from './walk.ts';

const NETWORK = 'tickcast-kube';
const REDIS = 'tickcast-kube-redis';
/** What podman calls the container `edge` of the Deployment `edge`. */
const POD = 'edge-pod-0';
const CONTAINER = `${POD}-edge`;
const DRAIN_WITHIN_S = 60;

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: {
    replicas: number;
    template: { spec: { containers: { image: string; envFrom: { configMapRef: { name: string } }[] }[] } };
  };
}

interface Inspection {
  Config: { User: string; Env: string[] };
  EffectiveCaps: string[] | null;
  HostConfig: { ReadonlyRootfs: boolean; SecurityOpt: string[]; Memory: number };
  State: { ExitCode: number };
}

/**
 * The edge of the production overlay, as `podman play kube` runs it: with the manifest's user, read-only root, capabilities,
 * limits, variables and the name of its pod. Podman 4.3 leaves out the startup and readiness probes, preStop, the grace period
 * and where a pod may be put; of the liveness probe it makes a `curl`, which the image does not have, for systemd to run.
 */
export async function kubeScenario(walk: Walk): Promise<void> {
  // Those that a run has left which was broken off.
  await walk.podman.run(['secret', 'rm', '--all']);
  try {
    await playEdge(walk);
  } finally {
    await walk.podman.run(['secret', 'rm', '--all']);
  }
}

async function playEdge({ podman, steps }: Walk): Promise<void> {
  await podman.run(['network', 'create', NETWORK]);
  await podman.run(['run', '--detach', '--name', REDIS, '--network', `${NETWORK}:alias=redis`, BASE_IMAGES.redis]);
  await steps.show('podman plays the rendered Deployment', async () => {
    await createSecret(podman, 'auth', { secret: TEST_SECRET });
    await createSecret(podman, 'redis', { 'edge-url': 'redis://redis:6379' });
    await podman.run(['play', 'kube', '--network', NETWORK, writeState('edge.yaml', renderEdge())]);
  });
  const address = await podman.run([
    'inspect',
    await podman.run(['pod', 'inspect', POD, '--format', '{{.InfraContainerID}}']),
    '--format',
    `{{(index .NetworkSettings.Networks "${NETWORK}").IPAddress}}`,
  ]);
  await steps.show('its security context is in force', async () => {
    const { Config, EffectiveCaps, HostConfig } = await inspect(podman);
    const seen = {
      user: Config.User,
      readOnly: HostConfig.ReadonlyRootfs,
      capabilities: (EffectiveCaps ?? []).length,
      noNewPrivileges: HostConfig.SecurityOpt.includes('no-new-privileges'),
      limited: HostConfig.Memory > 0,
    };
    const wanted = { user: '1000:1000', readOnly: true, capabilities: 0, noNewPrivileges: true, limited: true };
    expectThat(JSON.stringify(seen) === JSON.stringify(wanted), JSON.stringify(wanted), JSON.stringify(seen));
  });
  await steps.show('it is ready', () =>
    eventually(
      async () => {
        const { status } = await fetch(`http://${address}:9001/readyz`);
        if (status !== 200) throw new Error(`/readyz says ${status}`);
      },
      { withinMs: 30_000 },
    ),
  );
  const client = await connectClient(`ws://${address}:8001/api/v1/websocket`, {
    token: await mintToken({ sub: 'kube' }),
  });
  await steps.show('a client is served', async () => {
    const { node } = await client.request({ type: 'hello' });
    expectThat(node === POD, 'the node has the name of its pod', String(node));
    const reply = await client.request({ type: 'subscribe', channel: 'alerts' });
    expectThat(reply.type === 'subscribed', 'it can subscribe', JSON.stringify(reply));
  });
  await steps.show('SIGTERM drains it', async () => {
    await podman.run(['stop', '--time', String(DRAIN_WITHIN_S), CONTAINER]);
    const { code } = await client.closed;
    const { State } = await inspect(podman);
    expectThat(
      code === 1012 && State.ExitCode === 0,
      'its client is sent on by 1012, and it exits with 0',
      `close ${code}, exit code ${State.ExitCode}`,
    );
  });
}

/** The Deployment, with one replica of the image that was built here, and the ConfigMaps it refers to. */
function renderEdge(): string {
  const overlay = join(ROOT, 'k8s/overlays/production');
  // kubectl has it as a subcommand, kustomize as one of another name.
  const program = process.env['TICKCAST_TEST_KUSTOMIZE'] ?? 'kubectl';
  const rendered = execFileSync(program, [basename(program) === 'kubectl' ? 'kustomize' : 'build', overlay]);
  const all = parseAllDocuments(rendered.toString()).map((document) => document.toJS() as Manifest);
  const deployment = all.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'edge');
  if (!deployment) throw new Error('the production overlay has no Deployment edge');
  deployment.spec.replicas = 1;
  const [container] = deployment.spec.template.spec.containers;
  if (!container) throw new Error('the Deployment edge has no container');
  container.image = imageName('edge');
  const configMaps = container.envFrom.map(({ configMapRef }) =>
    all.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name),
  );
  return [...configMaps, deployment].map((manifest) => stringify(manifest)).join('---\n');
}

async function inspect(podman: Podman): Promise<Inspection> {
  const [inspection] = JSON.parse(await podman.run(['inspect', CONTAINER])) as Inspection[];
  if (!inspection) throw new Error(`there is no container ${CONTAINER}`);
  return inspection;
}

/** In the form in which podman up to 4.3 reads a Secret of Kubernetes; one in a manifest it keeps in another. */
async function createSecret(podman: Podman, name: string, data: Record<string, string>): Promise<void> {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  const file = writeState(`secret-${name}.json`, JSON.stringify(Object.fromEntries(encoded)));
  await podman.run(['secret', 'create', name, file]);
  rmSync(file);
}

/** Podman takes no secret from a stdin that is a socket, as Node.js makes it. */
function writeState(name: string, text: string): string {
  const file = join(ROOT, '.tickcast', 'containers', name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
