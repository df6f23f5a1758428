/** Real edges and workers, with what each overlay tells them, answer what its probes ask. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { cleanEnvironment, freePort, startEdge, startProcess, startRedis } from '@tickcast/testing';
import { type Overlay, ofKind, workload } from './test-support/objects.ts';
import { renderOverlays } from './test-support/render.ts';
import { settingsOf } from './test-support/settings.ts';
import { ROOT } from './test-support/tree.ts';

const overlays = await renderOverlays();
const redis = await startRedis();
const folder = mkdtempSync(join(tmpdir(), 'tickcast-k8s-apps-'));
afterAll(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true });
});

describe.each(overlays)('in overlay $name', (overlay) => {
  test('an edge starts with its settings, and its probes are answered', async () => {
    const settings = environmentOf(overlay, 'edge');
    // The kit's own secret would be one key too many.
    const env = 'TICKCAST_AUTH_JWKS_URL' in settings ? { ...settings, TICKCAST_AUTH_SECRET: undefined } : settings;
    const edge = await startEdge({ redisUrl: redis.url, env });
    const answers = await Promise.all(probePaths(overlay, 'edge').map(async (path) => (await edge.admin(path)).status));
    await edge.kill();
    expect(answers).toEqual([200, 200, 200]);
  });

  test('a worker starts with its settings, and its probes are answered', async () => {
    const port = await freePort();
    const worker = await startProcess(process.execPath, [join(ROOT, 'apps/producers/dist/main.js')], {
      env: cleanEnvironment({
        ...environmentOf(overlay, 'producers'),
        TICKCAST_HOST: '127.0.0.1',
        TICKCAST_PRODUCERS_ADMIN_PORT: String(port),
        TICKCAST_REDIS_URL: redis.url,
        TICKCAST_AGENT_ID: overlay.name,
      }),
    });
    await worker.waitForLine(/Redis is there/, 25_000);
    const paths = probePaths(overlay, 'producers');
    const answers = await Promise.all(
      paths.map(async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status),
    );
    await worker.kill();
    expect(answers).toEqual([200, 200, 200]);
  });
});

/** A workload's variables, but for those from Secrets and from the pod; files that it mounts lie in a folder of the test's. */
function environmentOf(overlay: Overlay, name: string): Record<string, string> {
  const { pod } = workload(overlay, name);
  const own = join(folder, overlay.name, name);
  const mounts = pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
  for (const mount of mounts) {
    const volume = pod.volumes?.find((one) => one.name === mount.name);
    const map = ofKind(overlay, 'ConfigMap').find(({ metadata }) => metadata.name === volume?.configMap?.name);
    mkdirSync(join(own, mount.mountPath), { recursive: true });
    for (const [file, text] of Object.entries(map?.data ?? {})) writeFileSync(join(own, mount.mountPath, file), text);
  }
  const isMounted = (value: string): boolean => mounts.some(({ mountPath }) => value.startsWith(`${mountPath}/`));
  const settings = pod.containers.flatMap((container) => settingsOf(overlay, container));
  return Object.fromEntries(
    settings.flatMap(({ name: variable, value }) =>
      value === undefined || !variable.startsWith('TICKCAST_')
        ? []
        : [[variable, isMounted(value) ? join(own, value) : value]],
    ),
  );
}

function probePaths(overlay: Overlay, name: string): string[] {
  return workload(overlay, name)
    .pod.containers.flatMap(({ startupProbe, livenessProbe, readinessProbe }) => [
      startupProbe,
      livenessProbe,
      readinessProbe,
    ])
    .map((probe) => probe?.httpGet?.path ?? '');
}
