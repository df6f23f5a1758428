import { eventually } from '../eventually.ts';
import { readServers } from '../rollout/balancer-stats.ts';
import { type Fleet, describeNode } from '../rollout/fleet.ts';
import { mintToken } from '../tokens.ts';
import type { Compose } from './compose.ts';
import type { Podman } from './podman.ts';

const EDGE_PORT = 8001;
const ADMIN_PORT = 9001;
const SERVING_WITHIN_MS = 30_000;
/** docker-compose.yml, stop_grace_period. */
const GRACE_SECONDS = 45;

/**
 * The edges of a deployment that is up, which are left as they are by `stop`. Its `add` and `drain` are those of containers
 * alone, so that several can be under way at a time: compose counts containers by their numbers, from 1 on without a gap.
 */
export async function openContainerFleet(podman: Podman, compose: Compose): Promise<Fleet> {
  const addresses = new Map<string, string>();
  const note = async (name: string) => addresses.set(name, await compose.address(name, 'front'));
  const balancer = await compose.address(compose.nameOf('balancer_1'), 'front');
  const forget = async (name: string) => {
    await podman.run(['rm', '--force', '--time', '0', name]);
    addresses.delete(name);
  };
  const noteNew = async () => {
    for (const name of await compose.containers('edge')) if (!addresses.has(name)) await note(name);
  };
  await noteNew();
  // The balancer takes an edge for good as soon as its name is there, until a check or a client has found that it is not.
  const isReady = async (name: string) => (await fetch(`http://${addresses.get(name)}:${ADMIN_PORT}/readyz`)).ok;
  const secret = await readSecret(podman, compose);
  let started = 0;

  const fleet: Fleet = {
    url: compose.wsUrl,
    redisUrl: compose.redisUrl,
    redisPrefix: 'tickcast:',
    cap: 1000,
    mintToken: (sub) => mintToken({ sub, secret }),
    async nodes() {
      await noteNew();
      return Promise.all(
        [...addresses].map(async ([name, address]) => {
          const response = await fetch(`http://${address}:${ADMIN_PORT}/connz`, { headers: { connection: 'close' } });
          return describeNode(name, await response.text());
        }),
      );
    },
    async add() {
      const name = compose.nameOf(`edge_more_${++started}`);
      await compose.runDetached('edge', name);
      await note(name);
      await eventually(async () => (await isReady(name)) && (await fleet.isServing(name)), {
        withinMs: SERVING_WITHIN_MS,
      });
      return name;
    },
    async drain(name) {
      const startedAt = performance.now();
      await podman.run(['stop', '--time', String(GRACE_SECONDS), name]);
      const tookMs = performance.now() - startedAt;
      const exitCode = Number(await podman.run(['inspect', name, '--format', '{{.State.ExitCode}}']));
      await forget(name);
      return { exitCode, tookMs };
    },
    // Removed at the same moment, or its restart policy would bring it back.
    kill: forget,
    async isServing(name) {
      const address = addresses.get(name);
      const response = await fetch(`http://${balancer}:8404/stats;csv`, { headers: { connection: 'close' } });
      return readServers(await response.text()).some(
        (server) => server.address === `${address}:${EDGE_PORT}` && server.isServing,
      );
    },
    async stop() {},
  };
  await eventually(async () => (await Promise.all([...addresses.keys()].map(fleet.isServing))).every(Boolean), {
    withinMs: SERVING_WITHIN_MS,
  });
  return fleet;
}

/** The secret that the first start made, or was given. */
export async function readSecret(podman: Podman, compose: Compose): Promise<string> {
  const [edge] = await compose.containers('edge');
  if (edge === undefined) throw new Error('no edge runs that could read the secret');
  const program = "require('fs').readFileSync('/secrets/auth-secret', 'utf8').trim()";
  return podman.run(['exec', edge, 'node', '-p', program]);
}
