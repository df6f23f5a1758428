import { eventually } from '../eventually.ts';
import type { Cluster } from './cluster.ts';
import type { Kubectl } from './kubectl.ts';
import { secretIn } from './local-secrets.ts';
import { tagImage } from './node-images.ts';
import type { Page } from './page.ts';
import { startProcess } from '../processes.ts';
import { expectThat } from '../rollout/promises.ts';
import { EDGES } from './product.ts';
import { say } from './steps.ts';

/** The first walk, from an empty cluster to live data and an alert of a service of one's own. */
export async function walkToLiveData({ kubectl }: Cluster, page: Page): Promise<void> {
  for (const block of page.commands('2. Make the secrets and apply')) await page.type(block);
  const [install = '', ready = ''] = page.commands('3. Install the Redis Function');
  const report = await page.type(install);
  expectThat(/^ok +Function: version/m.test(report), 'the Function is installed', report);
  const pods = await page.type(ready);
  expectThat(pods.match(/ 1\/1 +Running +0 /g)?.length === 5, 'five pods run, none was restarted', pods);
  say(pods.slice(pods.indexOf('NAME')));

  for (const block of page.commands('4. A client')) {
    // It would follow for ever.
    await page.type(block, (text) => text.replace(/^kubectl -n default logs -f .*$/m, ''));
  }
  const quotes = (): Promise<string> => kubectl.run(['-n', 'default', 'logs', 'quotes']);
  const seen = await eventually(
    async () => {
      const lines = (await quotes()).split('\n');
      expectThat(lines.length > 5, 'quotes come', lines.join('\n'));
      return lines;
    },
    { withinMs: 20_000 },
  );
  say(seen.slice(0, 4).join('\n'));
  await page.typeInline('kubectl -n default delete pod quotes');

  for (const block of page.commands('5. Publish from a service of yours')) {
    const output = await page.type(block);
    expectThat(/"channel":"alerts".*"seq":\d/.test(output), 'the alert is published', output);
  }
  await eventually(
    async () => {
      const alerts = await kubectl.run(['-n', 'default', 'logs', 'alerts']);
      expectThat(alerts.includes('"message":"hello"'), 'the alert is received', alerts);
      say(alerts.trim());
    },
    { withinMs: 10_000 },
  );
  await page.typeInline('kubectl -n default delete pod alerts publish');
}

/**
 * To be called after the first walk. What Valkey held is on its disk: the log of alerts, and the Function.
 *
 * @param manifests the folder it was applied from, with the secrets
 */
export async function restartRedis({ kubectl }: Cluster, page: Page, manifests: string): Promise<void> {
  const [, password = ''] = /producer:(.*)@/.exec(secretIn(manifests, 'redis.env', 'producers-url')) ?? [];
  const asProducer = ['valkey-cli', '--user', 'producer', '--pass', password, '--no-auth-warning', '-e'];
  const logged = async (): Promise<number> =>
    Number(
      await kubectl.run(['-n', 'tickcast', 'exec', 'valkey-0', '--', ...asProducer, 'XLEN', 'tickcast:{alerts}:log']),
    );
  const before = await logged();
  expectThat(before > 0, 'alerts are logged', String(before));
  await kubectl.run(['-n', 'tickcast', 'delete', 'pod', 'valkey-0']);
  await kubectl.run(['-n', 'tickcast', 'rollout', 'status', 'statefulset/valkey', '--timeout=2m'], {
    withinMs: 130_000,
  });
  const after = await logged();
  expectThat(after >= before, 'the log of alerts survives a restart of Valkey', `${before} alerts, then ${after}`);
  const job = 'install-function-second';
  await page.typeInline(`kubectl -n tickcast create job --from=cronjob/install-function ${job}`);
  await kubectl.run(['-n', 'tickcast', 'wait', '--for=condition=complete', `job/${job}`, '--timeout=60s']);
  const report = await kubectl.run(['-n', 'tickcast', 'logs', `job/${job}`]);
  expectThat(report.includes('was there already'), 'the Function survives a restart of Valkey', report);
  say(`Valkey restarted: ${before} alerts are in its log, then ${after}, and the Function is there`);
}

/** The second walk: a new version, while a client is there; and one that is no good. */
export async function walkThroughUpdate(cluster: Cluster, page: Page): Promise<void> {
  const { kubectl, machine, layout } = cluster;
  const [retag, client = '', update = '', look = ''] = page.commands('Second walk: an update');
  expectThat(retag?.includes('0.1.1') === true, 'the page makes a version 0.1.1', String(retag));
  for (const app of ['edge', 'producers', 'cli']) {
    await tagImage(machine, layout, `docker.io/tickcast/${app}:0.1.0`, `docker.io/tickcast/${app}:0.1.1`);
  }
  await page.type(client);
  const output = await page.type(update);
  expectThat(output.includes('deployment "edge" successfully rolled out'), 'the edges are rolled', output);
  const last = await page.type(look);
  expectThat(last.includes('closed 1012'), 'the client is sent away with 1012', last);
  say(last.trim());
  await expectEdges(kubectl, 2);

  const before = await edgesOf(kubectl);
  await kubectl.run(['-n', 'tickcast', 'set', 'image', 'deployment/edge', 'edge=tickcast/edge:9.9.9']);
  await eventually(
    async () => {
      const pods = await kubectl.run(['-n', 'tickcast', 'get', 'pods', '-l', EDGES]);
      expectThat(/ImagePullBackOff/.test(pods), 'a version that there is not is not found', pods);
      expectThat(pods.match(/ 1\/1 +Running /g)?.length === 2, 'the old edges stay meanwhile', pods);
    },
    { withinMs: 60_000 },
  );
  await page.typeInline('kubectl -n tickcast rollout undo deployment/edge');
  await expectEdges(kubectl, 2);
  expectThat((await edgesOf(kubectl)).join() === before.join(), 'they are the same after it', before.join());
  say('a version that does not become ready moves nobody');
}

/** The third walk: more edges, fewer edges, their metrics; and all of it taken away. */
export async function walkThroughScaling({ kubectl }: Cluster, page: Page): Promise<void> {
  const [up = '', down = '', metrics = ''] = page.commands('Third walk: more edges, fewer edges');
  const slices = await page.type(up);
  say(slices.slice(slices.lastIndexOf('NAME')).trim());
  await page.type(down);
  await expectEdges(kubectl, 2);
  const [forward = '', ask = ''] = metrics.split('\n');
  const forwarding = await startProcess('/bin/sh', ['-c', `exec ${forward}`], { env: kubectl.environment });
  try {
    const answer = await eventually(() => page.type(ask), { withinMs: 15_000 });
    expectThat(answer.includes('tickcast_connections{'), 'an edge answers with its metrics', answer);
  } finally {
    await forwarding.stop();
  }
}

async function edgesOf(kubectl: Kubectl): Promise<string[]> {
  const pods = await kubectl.list(['-n', 'tickcast', 'pods', '-l', EDGES]);
  return pods.map(({ metadata }) => metadata.name).toSorted();
}

/** A pod's grace period is 60 s. */
async function expectEdges(kubectl: Kubectl, count: number): Promise<void> {
  await eventually(
    async () => {
      const names = await edgesOf(kubectl);
      expectThat(names.length === count, `${count} edges are left`, names.join());
    },
    { withinMs: 90_000 },
  );
}
