import { networkInterfaces } from 'node:os';
import { Redis } from 'ioredis';
import { type Frame, TestClient, WebSocket, connectClient, expectHandshakeRefused } from '../client.ts';
import { eventually } from '../eventually.ts';
import { expectThat } from '../rollout/promises.ts';
import { mintToken } from '../tokens.ts';
import { openContainerFleet, readSecret } from './container-fleet.ts';
import {
  type Credentials,
  bringUp,
  expectHardened,
  expectHealthy,
  takeCredentials,
  untilServing,
} from './deployment.ts';
import { imageName } from './images.ts';
import { expectPrintsStatus, javascriptSample, pythonSample } from './samples.ts';
import type { Walk } from './walk.ts';

/** An alert of the simulated market comes about once a minute: a price has moved. */
const ALERT_WITHIN_MS = 180_000;
const CHANNELS = ['market_data', 'agent_status', 'backtest_progress', 'alerts'];

/** `docker compose up` with nothing prepared, and all that a client may then do through the balancer. */
export async function clientScenario(walk: Walk): Promise<void> {
  const { steps, compose, podman } = walk;
  await steps.show('comes up with nothing prepared, and three edges serve', () => bringUp(walk));
  let credentials: Credentials | undefined;
  await steps.show('a token by `run cli token`, the certificate by `run setup show-certificate`', async () => {
    credentials = await takeCredentials(walk);
  });
  if (!credentials) throw new Error('there are no credentials');
  const mine = credentials;
  const { token } = mine;
  const listener = await openWss(compose.wssUrl, mine);
  for (const channel of CHANNELS) {
    await listener.request({ type: 'subscribe', channel, ...(channel === 'market_data' ? { symbol: '0700.HK' } : {}) });
  }

  await steps.show('every container is without root, capabilities and a writable root', () => expectHardened(walk));
  await steps.show("every container's health check passes", () => expectHealthy(walk));
  for (const [name, sample] of [
    ['Python', pythonSample(walk.python)],
    ['JavaScript', javascriptSample],
  ] as const) {
    await steps.show(`the ${name} sample of the v1 document, ws`, () =>
      expectPrintsStatus(sample, compose.wsUrl.replace('127.0.0.1', 'localhost'), mine),
    );
    await steps.show(`the ${name} sample, wss with the certificate verified`, () =>
      expectPrintsStatus(sample, compose.wssUrl, mine),
    );
  }
  await steps.show('a certificate that is not trusted is noticed', async () => {
    const refusal = await connectClient(compose.wssUrl, { token }).then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    expectThat(refusal.includes('self-signed'), 'a client that does not know the certificate says so', refusal);
  });
  await steps.show('a page with the token in its subprotocols', async () => {
    const page = new WebSocket(compose.wssUrl, ['Authorization', token], {
      ca: mine.certificate,
      origin: new URL(compose.wssUrl).origin.replace('wss', 'https'),
    });
    await seated(new TestClient(page));
    expectThat(page.protocol === 'Authorization', 'the answer selects Authorization', page.protocol);
    page.terminate();
    const foreign = await expectHandshakeRefused(compose.wsUrl, { token, headers: { origin: 'https://evil.example' } });
    expectThat(foreign.status === 403, 'a page from elsewhere is refused with 403', String(foreign.status));
  });
  await steps.show('FCALL from this machine, read by wss', async () => {
    const n = await publishAlert(compose.redisUrl);
    await listener.next((frame) => frame.type === 'alerts' && numberOf(frame) === n);
  });
  await steps.show('/connz has the real address, not what the client claims', () => expectRealAddress(walk, token));
  await steps.show('426 and 404 in JSON, by http and https', async () => {
    for (const [path, status] of [
      ['/api/v1/websocket', 426],
      ['/elsewhere', 404],
    ] as const) {
      const url = new URL(path, compose.wsUrl.replace('ws:', 'http:'));
      const response = await fetch(url);
      const { error } = (await response.json()) as { error: string };
      expectThat(response.status === status, `${path} without an upgrade is ${status}`, `${response.status} ${error}`);
    }
  });
  await steps.show('a token of 12 KiB', async () => {
    const large = await mintToken({ secret: await readSecret(podman, compose), claims: { note: 'x'.repeat(9000) } });
    const client = await connectClient(compose.wsUrl, { token: large });
    await seated(client);
    await client.close();
  });
  await steps.show('--scale edge=5', async () => {
    await compose.up('--no-recreate', '--no-deps', '--scale', 'edge=5', 'edge');
    await untilServing(walk, 5);
  });
  await steps.show('the newest two drained again', async () => {
    const names = await compose.containers('edge');
    const larger = await openContainerFleet(podman, compose);
    const departures = await Promise.all(names.filter((name) => /_[45]$/.test(name)).map((name) => larger.drain(name)));
    expectThat(
      departures.length === 2 && departures.every(({ exitCode }) => exitCode === 0),
      'two edges exit with 0',
      JSON.stringify(departures),
    );
    await untilServing(walk, 3);
  });
  await steps.show('all four channels of the workers arrive by wss', async () => {
    const live = (channel: string) =>
      listener.received((frame) => frame.type === channel && frame['snapshot'] !== true && numberOf(frame) === null);
    await eventually(
      () => {
        const missing = CHANNELS.filter((channel) => live(channel).length === 0);
        if (missing.length > 0) throw new Error(`nothing live of ${missing.join(', ')}`);
      },
      { withinMs: ALERT_WITHIN_MS },
    );
    return CHANNELS.map((channel) => `${channel} ${live(channel).length}`).join(', ');
  });
  await steps.show("the balancer's log has neither tokens nor seats", async () => {
    const { seat } = (await listener.request({ type: 'hello' })) as unknown as { seat: string };
    await listener.close();
    const back = await openWss(`${compose.wssUrl}?seat=${seat}`, mine);
    await back.close();
    const log = await podman.run(['logs', compose.nameOf('balancer_1')]);
    expectThat(log.includes('/api/v1/websocket 101'), 'handshakes are logged', log.slice(-1000));
    const leaks = [seat, token].filter((secret) => log.includes(secret));
    expectThat(leaks.length === 0, 'the log has neither the seat nor the token', leaks.join(', '));
  });
  await steps.show('another certificate is taken while open sockets stay', () => expectOtherCertificate(walk, mine));
}

async function expectOtherCertificate({ compose, podman }: Walk, mine: Credentials): Promise<void> {
  const open = await openWss(compose.wssUrl, mine);
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', '-', '-days', '1'];
  const subject = ['-subj', '/CN=other', '-addext', 'subjectAltName=DNS:localhost'];
  const pem = await podman.run(['run', '--rm', '--entrypoint', 'openssl', imageName('setup'), ...request, ...subject]);
  await compose.run('setup', ['install-certificate'], { input: `${pem}\n` });
  await podman.run(['kill', '--signal', 'USR2', compose.nameOf('balancer_1')]);
  await eventually(async () => (await openWss(compose.wssUrl, { ...mine, certificate: pem })).close());
  const reply = await open.request({ type: 'list' });
  expectThat(reply.type === 'subscriptions', 'the socket from before is served', JSON.stringify(reply));
  await open.close();
}

async function openWss(url: string, { certificate, token }: Credentials): Promise<TestClient> {
  const headers = { authorization: `Bearer ${token}` };
  return seated(new TestClient(new WebSocket(url, { ca: certificate, headers })));
}

/** Answers the client once it has its seat. */
async function seated(client: TestClient): Promise<TestClient> {
  await new Promise<void>((resolve, reject) => {
    if (client.socket.readyState === WebSocket.OPEN) resolve();
    client.socket.once('open', resolve);
    client.socket.once('error', reject);
  });
  const welcome = await client.request({ type: 'hello' });
  expectThat(welcome.type === 'welcome', 'the client is seated', JSON.stringify(welcome));
  return client;
}

let alerts = 0;

/** @returns `data.n` of an alert that it published as any service on this machine would */
export async function publishAlert(redisUrl: string): Promise<number> {
  const n = ++alerts;
  const data = { level: 'info', message: 'from this machine', timestamp: Date.now() / 1000, source: 'e2e', n };
  const redis = new Redis(redisUrl);
  try {
    await redis.call('FCALL', 'tickcast_publish', '1', 'tickcast:{alerts}', JSON.stringify({ type: 'alerts', data }));
  } finally {
    redis.disconnect();
  }
  return n;
}

/** `data.n`, which ours alone have. */
export const numberOf = (frame: Frame): unknown => (frame['data'] as { n?: unknown } | undefined)?.n ?? null;

/** From another address than loopback, which the port's forwarding would replace. */
async function expectRealAddress({ compose }: Walk, token: string): Promise<string> {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (own === undefined) throw new Error('this machine has no address but loopback to connect from');
  const client = await connectClient(compose.wsUrl.replace('127.0.0.1', own), {
    token,
    headers: { 'X-Forwarded-For': '203.0.113.66', Forwarded: 'for=203.0.113.66' },
  });
  try {
    await seated(client);
    const seen: string[] = [];
    for (const edge of await compose.containers('edge')) {
      const response = await fetch(`http://${await compose.address(edge, 'front')}:9001/connz`);
      const { connections } = (await response.json()) as { connections: { remote: string }[] };
      seen.push(...connections.map(({ remote }) => remote));
    }
    expectThat(seen.includes(own) && !seen.includes('203.0.113.66'), `one client comes from ${own}`, seen.join(', '));
    return own;
  } finally {
    await client.close();
  }
}
