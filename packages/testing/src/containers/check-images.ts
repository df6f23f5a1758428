import type { TestClient } from '../client.ts';
import { eventually } from '../eventually.ts';
import { checkContents } from './image-contents.ts';
import { type ImageContainer, type ImageContainers, startImageContainers } from './image-containers.ts';
import { imageName } from './images.ts';
import type { Podman } from './podman.ts';
import type { Steps } from './steps.ts';

const EDGE_ADMIN = 9001;
const PRODUCERS_ADMIN = 9003;
const ALERT = { level: 'info', message: 'from a container', timestamp: 1701234567.89, source: 'images' };

/**
 * Holds each image to what deploy/Dockerfile promises of it, in containers that may do less than any deployment's.
 *
 * @throws on the first promise that is broken
 */
export async function checkImages({ podman, steps }: { podman: Podman; steps: Steps }): Promise<void> {
  const containers = await startImageContainers(podman);
  try {
    await checkContents(podman, containers, steps);
    await checkEdge(containers, steps);
    await checkProducers(containers, steps);
    await checkCli(containers, steps);
    await checkSetup(podman, containers, steps);
  } finally {
    await containers.end();
  }
}

async function checkEdge(containers: ImageContainers, steps: Steps): Promise<void> {
  await steps.show('an edge serves clients as any user, with a read-only root and no capability', async () => {
    const edge = await startReady(containers);
    const client = await subscribe(edge, 'alerts');
    await containers.run('cli', ['publish', 'alerts', JSON.stringify({ type: 'alerts', data: ALERT })]);
    await client.next('alerts');
  });
  for (const signal of ['TERM', 'INT'] as const) {
    await steps.show(`an edge that is process 1 drains on SIG${signal} and exits 0`, async () => {
      const edge = await startReady(containers, { TICKCAST_DRAIN_SECONDS: '2' });
      const client = await subscribe(edge, 'alerts');
      await edge.signal(signal);
      const { code } = await client.closed;
      expectThat(code === 1012, `the client to be closed with 1012, not ${code}`);
      const exitCode = await edge.ended(10_000);
      expectThat(exitCode === 0, `exit code 0, not ${exitCode}: ${await edge.logs()}`);
    });
  }
  await steps.show('an edge without a key says so and exits 2', async () => {
    const edge = await containers.start('edge', { TICKCAST_AUTH_SECRET: '' });
    const exitCode = await edge.ended(10_000);
    const logs = await edge.logs();
    expectThat(exitCode === 2 && logs.includes('TICKCAST_AUTH_SECRET'), `not ${exitCode} with: ${logs}`);
  });
  await steps.show('an edge is healthy, unhealthy while it hangs, and healthy again', async () => {
    const edge = await startReady(containers);
    await expectHealth(edge, 'healthy');
    await edge.signal('STOP');
    await expectHealth(edge, 'unhealthy');
    await edge.signal('CONT');
    await expectHealth(edge, 'healthy');
  });
}

async function checkProducers(containers: ImageContainers, steps: Steps): Promise<void> {
  await steps.show(
    'a worker publishes quotes, status and a backtest, as any user, and exits 0 on SIGTERM',
    async () => {
      const edge = await startReady(containers);
      const quotes = await subscribe(edge, 'market_data', '0700.HK');
      const agents = await subscribe(edge, 'agent_status');
      const backtests = await subscribe(edge, 'backtest_progress');
      const worker = await containers.start('producers', { TICKCAST_SAMPLE_BACKTEST_SECONDS: '1' });
      await quotes.next('market_data', 20_000);
      await agents.next('agent_status', 20_000);
      await backtests.next('backtest_progress', 20_000);
      await expectHealth(worker, 'healthy');
      const { status } = await worker.admin(PRODUCERS_ADMIN, '/queues/');
      expectThat(status === 200, `the page of the queues, not ${status}`);
      await worker.signal('TERM');
      const exitCode = await worker.ended(15_000);
      expectThat(exitCode === 0, `exit code 0, not ${exitCode}: ${await worker.logs()}`);
    },
  );
  await steps.show('a worker with a bad variable says so and exits 2', async () => {
    const worker = await containers.start('producers', { TICKCAST_ROLES: 'cook' });
    const exitCode = await worker.ended(10_000);
    const logs = await worker.logs();
    expectThat(exitCode === 2 && logs.includes('TICKCAST_ROLES'), `not ${exitCode} with: ${logs}`);
  });
}

async function checkCli(containers: ImageContainers, steps: Steps): Promise<void> {
  await steps.show('the command checks Redis, mints tokens and says what it can', async () => {
    const doctor = await containers.run('cli', ['doctor']);
    expectThat(/^ok +Redis/m.test(doctor), `doctor to find Redis: ${doctor}`);
    const token = await containers.run('cli', ['token', '--sub', 'me']);
    expectThat(/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token), `a token alone, not: ${token}`);
    const usage = await containers.run('cli', ['--help']);
    expectThat(usage.includes('doctor'), `the usage, not: ${usage}`);
  });
}

async function checkSetup(podman: Podman, containers: ImageContainers, steps: Steps): Promise<void> {
  await steps.show('a first start fills a new volume, and a second one leaves it as it is', async () => {
    const volume = await podman.run(['volume', 'create']);
    const options = ['--network=none', '--env', 'TICKCAST_AUTH_SECRET=', '--volume', `${volume}:/secrets`];
    const listing = () =>
      podman.run([
        'run',
        '--rm',
        ...options,
        '--entrypoint=sha256sum',
        imageName('setup'),
        '/secrets/auth-secret',
        '/secrets/tls.pem',
      ]);
    await containers.run('setup', [], options);
    const first = await listing();
    await containers.run('setup', [], options);
    expectThat((await listing()) === first, 'the same secret and certificate');
    await podman.run(['volume', 'rm', volume]);
  });
}

async function startReady(containers: ImageContainers, env?: Record<string, string>): Promise<ImageContainer> {
  const edge = await containers.start('edge', env);
  await eventually(async () => (await edge.admin(EDGE_ADMIN, '/readyz')).status === 200, { withinMs: 15_000 });
  return edge;
}

async function subscribe(edge: ImageContainer, channel: string, symbol?: string): Promise<TestClient> {
  const client = await edge.connect();
  await client.request({ type: 'subscribe', channel, ...(symbol === undefined ? {} : { symbol }) });
  return client;
}

/** Asks at once and as often as it takes: three times no is unhealthy, in the first 10 s after a start it does not count. */
async function expectHealth(container: ImageContainer, status: string): Promise<void> {
  await eventually(
    async () => {
      const seen = await container.checkHealth();
      expectThat(seen === status, `${status}, not ${seen}`);
    },
    { withinMs: 40_000 },
  );
}

function expectThat(holds: boolean, expected: string): void {
  if (!holds) throw new Error(`expected ${expected}`);
}
