import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { withAudience } from '../rollout/audience.ts';
import { expectEveryAlertOnce, expectSeatsKept, expectThat } from '../rollout/promises.ts';
import type { Cluster } from './cluster.ts';
import { openLocalFleet } from './fleet-scenarios.ts';
import type { Kubectl } from './kubectl.ts';
import { addMetrics } from './metrics.ts';
import { say } from './steps.ts';

/** A metric is scraped each 5 s, asked for each 15 s, and a pod takes some seconds to start. */
const SCALED_WITHIN_MS = 120_000;

/** The overlay `local` with the component `hpa`, whose files are the production's. */
const OVERLAY = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: tickcast
resources: [../local]
components: [../../components/hpa]
`;

/**
 * Prometheus, its adapter with the rules of the component and 1000 clients: the autoscaler has a fourth edge started.
 *
 * @param manifests the folder of a copy of k8s/ whose overlay `local` is applied
 */
export async function tryAutoscaling(cluster: Cluster, manifests: string): Promise<void> {
  const { kubectl } = cluster;
  await addMetrics(kubectl, join(manifests, 'components/hpa/prometheus-adapter-values.yaml'));
  const overlay = join(manifests, 'overlays/local-autoscaled');
  await mkdir(overlay);
  await writeFile(join(overlay, 'kustomization.yaml'), OVERLAY);
  await kubectl.change(['apply', '--server-side', '--force-conflicts', '-k', overlay]);
  // Their alerts would come between those that are counted.
  await kubectl.run(['-n', 'tickcast', 'scale', 'deployment/producers', '--replicas=0']);
  await expectReplicas(kubectl, 3);
  say('the autoscaler brings the Deployment to its lower bound of 3 edges');

  const fleet = await openLocalFleet(cluster, manifests);
  try {
    await withAudience(fleet, { count: fleet.cap }, async ({ roamers, bustle, listen }) => {
      const startedAt = performance.now();
      await listen();
      await expectReplicas(kubectl, 4);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed();
      say(`${fleet.cap} clients, 250 a pod: the autoscaler has a fourth edge, ready after ${seconds} s`);
      say((await kubectl.run(['-n', 'tickcast', 'get', 'hpa', 'edge'])).trim());
      await listen();
      const { published } = await bustle.end();
      const moved = roamers.filter(({ closes }) => closes.length > 0).length;
      expectThat(moved === 0, 'nobody is moved by a scale-up', `${moved} were`);
      expectSeatsKept(roamers);
      await expectEveryAlertOnce(roamers, 1, published);
    });
    const egress = '/apis/custom.metrics.k8s.io/v1beta1/namespaces/tickcast/pods/*/tickcast_egress_bytes_per_second';
    const { items } = JSON.parse(await kubectl.run(['get', '--raw', egress])) as { items: { value: string }[] };
    expectThat(items.length >= 3, 'each pod has its egress', JSON.stringify(items));
    say(`bytes a second, as the autoscaler sees them: ${items.map(({ value }) => value).join(', ')}`);
  } finally {
    await fleet.stop();
  }
}

async function expectReplicas(kubectl: Kubectl, count: number): Promise<void> {
  await eventually(
    async () => {
      const { status } = await kubectl.get(['-n', 'tickcast', 'deployment', 'edge']);
      const { readyReplicas } = status as { readyReplicas?: number };
      if (readyReplicas === count) return;
      throw new Error(
        `${readyReplicas} edges are ready\n${await kubectl.run(['-n', 'tickcast', 'describe', 'hpa', 'edge'])}`,
      );
    },
    { withinMs: SCALED_WITHIN_MS },
  );
}
