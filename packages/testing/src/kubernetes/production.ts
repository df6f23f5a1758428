import { readFile, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { eventually } from '../eventually.ts';
import { startRedis, type RedisServer } from '../redis-server.ts';
import { expectThat } from '../rollout/promises.ts';
import { mintToken } from '../tokens.ts';
import type { Cluster } from './cluster.ts';
import { runCommand } from '../command.ts';
import { addGateway } from './gateway.ts';
import type { Kubectl } from './kubectl.ts';
import { NETWORK } from './layout.ts';
import { tagImage } from './node-images.ts';
import { EDGES, readConnz, removeNamespace } from './product.ts';
import { say } from './steps.ts';

const HOST = 'stream.example.com';
const PATH = '/api/v1/websocket';
const REDIS_IN_OVERLAY = '192.0.2.10/32';
const SECRET = 'of-the-production-overlay-0123456789abcdef';
const PASSWORD = 'correct-horse-battery-staple';
const CLASSES = { gateway: 'example', ingress: 'haproxy' };

/**
 * The overlays `production` and `production-ingress` as a person uses them: edited where they say EDIT, with a Redis outside of
 * the cluster, secrets by reference, and clients that come over TLS through a gateway or an ingress.
 *
 * @param manifests the folder of a copy of k8s/
 */
export async function tryProduction(cluster: Cluster, manifests: string): Promise<void> {
  const { kubectl, machine, layout } = cluster;
  const redis = await startRedis({ args: ['--bind', '127.0.0.1', NETWORK.hostAddress, '--protected-mode', 'no'] });
  try {
    await createUsers(redis, manifests);
    await edit(manifests, redis.port);
    await addGateway(kubectl, CLASSES);
    for (const app of ['edge', 'producers', 'cli']) {
      await tagImage(machine, layout, `docker.io/tickcast/${app}:0.1.0`, `registry.example.com/tickcast/${app}:0.1.0`);
    }
    for (const overlay of ['production', 'production-ingress']) {
      const folder = join(manifests, 'overlays', overlay);
      await createSecrets(kubectl, manifests, redis, layout.root);
      await kubectl.change(['apply', '-k', folder]);
      await kubectl.run([
        '-n',
        'tickcast',
        'create',
        'job',
        '--from=cronjob/install-function',
        'install-function-first',
      ]);
      await kubectl.run(['-n', 'tickcast', 'rollout', 'status', 'deployment/edge', '--timeout=2m'], {
        withinMs: 130_000,
      });
      await expectMinimumOfAutoscaler(kubectl);
      await expectWayIn(redis, kubectl, overlay, join(layout.root, 'tls.crt'));
      if (overlay === 'production') await expectRedirect();
      await removeNamespace(kubectl);
    }
  } finally {
    await redis.kill();
  }
}

/** The rights that stand in the manifests. */
async function createUsers(redis: RedisServer, manifests: string): Promise<void> {
  const template = await readFile(join(manifests, 'components/valkey/users.acl.template'), 'utf8');
  for (const line of template.trim().split('\n')) {
    const [, name = '', ...rules] = line.replace(/>[A-Z_]+_PASSWORD/, `>${PASSWORD}`).split(' ');
    if (name !== 'default') await redis.cli('ACL', 'SETUSER', name, ...rules);
  }
}

/** Says where Redis is: its address in the overlay and the component, its port in the component. */
async function edit(manifests: string, port: number): Promise<void> {
  for (const file of ['overlays/production/kustomization.yaml', 'components/external-redis/network-policy.yaml']) {
    const path = join(manifests, file);
    const text = await readFile(path, 'utf8');
    expectThat(text.includes(REDIS_IN_OVERLAY), `${file} says where Redis is`, text);
    const edited = text.replace(REDIS_IN_OVERLAY, `${NETWORK.hostAddress}/32`).replace('port: 6379', `port: ${port}`);
    await writeFile(path, edited);
  }
}

async function createSecrets(kubectl: Kubectl, manifests: string, redis: RedisServer, folder: string): Promise<void> {
  const create = (...args: string[]): Promise<string> => kubectl.change(['-n', 'tickcast', 'create', ...args]);
  const url = (user: string): string => `redis://${user}:${PASSWORD}@${NETWORK.hostAddress}:${redis.port}`;
  await kubectl.change(['apply', '-f', join(manifests, 'base/namespace.yaml')]);
  await create('secret', 'generic', 'auth', `--from-literal=secret=${SECRET}`);
  const urls = [`--from-literal=edge-url=${url('edge')}`, `--from-literal=producers-url=${url('producer')}`];
  await create('secret', 'generic', 'redis', ...urls);
  await create('secret', 'generic', 'redis-installer', `--from-literal=url=${url('installer')}`);
  const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
  const names = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await runCommand('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', certificate]);
  await create('secret', 'tls', 'tickcast-tls', `--cert=${certificate}`, `--key=${key}`);
  // Only the overlay with a private authority reads it; any certificate will do for a connection without TLS.
  await create('configmap', 'redis-ca', `--from-file=ca.crt=${certificate}`);
}

/** Without a metric it keeps to its lower bound. */
async function expectMinimumOfAutoscaler(kubectl: Kubectl): Promise<void> {
  await eventually(
    async () => {
      const { spec, status } = await kubectl.get(['-n', 'tickcast', 'deployment', 'edge']);
      const { readyReplicas } = status as { readyReplicas?: number };
      expectThat(
        spec?.['replicas'] === 3 && readyReplicas === 3,
        'the autoscaler sees to 3 edges',
        String(readyReplicas),
      );
    },
    { withinMs: 90_000 },
  );
  say('the autoscaler, without metrics, brings the Deployment to its lower bound of 3 edges');
}

async function expectWayIn(redis: RedisServer, kubectl: Kubectl, overlay: string, authority: string): Promise<void> {
  const agent = agentFor(await readFile(authority));
  const token = await mintToken({ sub: 'production', secret: SECRET });
  const client = await eventually(() => connectThrough(agent, token), { withinMs: 30_000 });
  try {
    client.send(JSON.stringify({ type: 'subscribe', id: 1, channel: 'alerts' }));
    const frames: string[] = [];
    client.on('message', (data) => frames.push(String(data)));
    await eventually(() => frames.some((frame) => frame.includes('"subscribed"')));
    const alert = { level: 'info', message: overlay, timestamp: Date.now() / 1000, source: 'outside' };
    const publish = [
      'FCALL',
      'tickcast_publish',
      '1',
      'tickcast:{alerts}',
      JSON.stringify({ type: 'alerts', data: alert }),
    ];
    await redis.cli('--user', 'publisher', '--pass', PASSWORD, '--no-auth-warning', ...publish);
    await eventually(() => frames.some((frame) => frame.includes(`"message":"${overlay}"`)));
    say(`${overlay}: a client over TLS gets what a service outside of the cluster publishes into Redis`);

    const addresses = await clientAddresses(kubectl);
    if (overlay === 'production') {
      expectThat(addresses.join() === NETWORK.hostAddress, "edges know the client's own address", addresses.join());
      say(`${overlay}: edges know the client's own address`);
    } else {
      expectThat(
        addresses.join().startsWith('10.244.'),
        "untrusted, the proxy's own address is seen",
        addresses.join(),
      );
      say(`${overlay}: where no proxy is trusted, edges know the proxy's address`);
    }
  } finally {
    client.terminate();
  }
  for (const path of ['/metrics', '/connz', '/readyz', '/']) {
    const { status } = await ask(`https://${HOST}${path}`, agent);
    expectThat(status === 404, `${path} is not to be had from outside`, String(status));
  }
  say(`${overlay}: nothing but the WebSocket's path is to be had from outside`);
}

async function expectRedirect(): Promise<void> {
  const { status, location } = await ask(`http://${NETWORK.nodeAddress}${PATH}`);
  expectThat(status === 301 && location.startsWith(`https://${HOST}`), 'plain HTTP is sent to HTTPS', `${status}`);
  say(`plain HTTP is answered with ${status} to ${location}`);
}

/** Finds the gateway as DNS would, and believes its certificate. */
function agentFor(ca: Buffer): https.Agent {
  return new https.Agent({
    ca,
    lookup: (_host, { all }, found) =>
      all === true ? found(null, [{ address: NETWORK.nodeAddress, family: 4 }]) : found(null, NETWORK.nodeAddress, 4),
  });
}

function connectThrough(agent: https.Agent, token: string): Promise<WebSocket> {
  const headers = { authorization: `Bearer ${token}` };
  const client = new WebSocket(`wss://${HOST}${PATH}`, { agent, headers, handshakeTimeout: 5000 });
  return new Promise((resolve, reject) => {
    client.once('open', () => resolve(client));
    client.once('error', reject);
  });
}

async function clientAddresses(kubectl: Kubectl): Promise<string[]> {
  const pods = await kubectl.list(['-n', 'tickcast', 'pods', '-l', EDGES]);
  const answers = await Promise.all(pods.map(({ metadata }) => readConnz(kubectl, metadata.name)));
  return answers
    .flatMap((answer) => (JSON.parse(answer) as { connections: { remote: string }[] }).connections)
    .map(({ remote }) => remote);
}

function ask(url: string, agent?: https.Agent): Promise<{ status: number; location: string }> {
  return new Promise((resolve, reject) => {
    const take = (answer: IncomingMessage): void => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' });
    };
    const sent =
      agent === undefined ? http.get(url, { headers: { host: HOST } }, take) : https.get(url, { agent }, take);
    sent.once('error', reject);
  });
}
