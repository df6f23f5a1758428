/** `npm start`: Redis, two edges and two workers on this machine, from a fresh clone on; Ctrl-C stops all of it. */
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createChildren } from './lib/children.mjs';
import {
  mintToken,
  randomSecret,
  refuseSecondSession,
  removeSession,
  SESSION_FILE,
  writeSession,
} from './lib/dev-session.mjs';
import { freePort, isPortFree } from './lib/ports.mjs';
import { checkReachable, connectProblem, withoutPassword } from './lib/redis-url.mjs';
import { ensureRedisServer } from './lib/redis.mjs';
import { main, Problem, say } from './lib/repo.mjs';
import { build, checkNode, ensureInstalled } from './lib/setup.mjs';
import { welcomeText } from './lib/welcome-text.mjs';

const EDGES = 2;
const WORKERS = 2;
const SAMPLE_BACKTEST_SECONDS = 300;
const READY_WITHIN_MS = 30_000;
const SAME_SIGNAL_MS = 300;

await main(async () => {
  checkNode();
  refuseSecondSession();
  const ports = await edgePorts();
  const givenRedis = process.env.TICKCAST_REDIS_URL || undefined;
  if (givenRedis !== undefined) await checkReachable(givenRedis);
  const redisServer = givenRedis === undefined ? await ensureRedisServer() : undefined;
  await ensureInstalled();
  await build();

  const children = createChildren((name, line) => console.error(`[${name}] ${line}`));
  const interrupted = onInterrupt(children);
  try {
    await Promise.race([startAll({ children, ports, givenRedis, redisServer }), interrupted, children.death]);
    await Promise.race([interrupted, children.death]);
    say('stopping');
    return 0;
  } finally {
    removeSession();
    await children.stop();
    children.dismiss();
  }
});

async function startAll({ children, ports, givenRedis, redisServer }) {
  const redisUrl = givenRedis ?? (await startRedis(children, redisServer));
  // A developer's own key stays: tokens he already has must work. Another kind of key would need its private half.
  const secret = process.env.TICKCAST_AUTH_SECRET || randomSecret();
  const shared = { ...withoutKeys(process.env), TICKCAST_REDIS_URL: redisUrl };
  ports.forEach(({ port, adminPort }, index) => {
    children.start(`edge-${index + 1}`, process.execPath, ['apps/edge/dist/main.js'], {
      ours: true,
      env: {
        TICKCAST_HOST: '127.0.0.1',
        // Nobody waits half a minute for Ctrl-C.
        TICKCAST_DRAIN_SECONDS: '1',
        ...shared,
        TICKCAST_PORT: String(port),
        TICKCAST_ADMIN_PORT: String(adminPort),
        TICKCAST_NODE_ID: `edge-${index + 1}`,
        TICKCAST_AUTH_SECRET: secret,
      },
    });
  });
  const adminUrls = ports.map(({ adminPort }) => `http://localhost:${adminPort}`);
  for (const { adminPort } of ports) {
    const url = `http://127.0.0.1:${adminPort}/readyz`;
    await until(children, 'an edge', () => unreadiness(url));
  }
  const workers = [];
  for (let index = 1; index <= WORKERS; index++) {
    const adminPort = await freePort(ports.at(-1).adminPort + index);
    workers.push(`http://localhost:${adminPort}`);
    children.start(`producers-${index}`, process.execPath, ['apps/producers/dist/main.js'], {
      ours: true,
      env: {
        TICKCAST_HOST: '127.0.0.1',
        TICKCAST_QUEUE_BOARD: 'manage',
        TICKCAST_SAMPLE_BACKTEST_SECONDS: String(SAMPLE_BACKTEST_SECONDS),
        ...shared,
        TICKCAST_AGENT_ID: `worker-${index}`,
        TICKCAST_PRODUCERS_ADMIN_PORT: String(adminPort),
      },
    });
    await until(children, 'a worker', () => unreadiness(`http://127.0.0.1:${adminPort}/readyz`));
  }

  const urls = ports.map(({ port }) => `ws://localhost:${port}/api/v1/websocket`);
  const prefix = (process.env.TICKCAST_REDIS_PREFIX || 'tickcast').replace(/:?$/, ':');
  children.removeAtEnd(SESSION_FILE);
  writeSession({ redisUrl, redisPrefix: prefix, secret, url: urls[0], ports });
  const printableRedisUrl = withoutPassword(redisUrl);
  children.keepUp();
  console.log(welcomeText({ urls, adminUrls, workers, redisUrl, printableRedisUrl, prefix, token: mintToken(secret) }));
}

/** The edges' ports, from TICKCAST_PORT (8001) and TICKCAST_ADMIN_PORT (9001) up. @throws {Problem} when one is taken */
async function edgePorts() {
  const first = Number(process.env.TICKCAST_PORT || 8001);
  const firstAdmin = Number(process.env.TICKCAST_ADMIN_PORT || 9001);
  const ports = Array.from({ length: EDGES }, (_, index) => ({ port: first + index, adminPort: firstAdmin + index }));
  for (const port of ports.flatMap((edge) => [edge.port, edge.adminPort])) {
    if (await isPortFree(port)) continue;
    throw new Problem(
      `port ${port} is taken: end what listens there (\`lsof -i :${port}\` names it), ` +
        'or start on others: TICKCAST_PORT=8101 TICKCAST_ADMIN_PORT=9101 npm start',
    );
  }
  return ports;
}

async function startRedis(children, program) {
  const port = await freePort(6379);
  const url = `redis://127.0.0.1:${port}`;
  // In memory only: what a trial leaves behind would surprise the next one.
  const memoryOnly = ['--save', '', '--appendonly', 'no', '--dir', dirname(SESSION_FILE)];
  say(`starting a private ${program} on port ${port}`);
  children.start('redis', program, ['--bind', '127.0.0.1', '--port', String(port), ...memoryOnly]);
  await until(children, 'the private Redis', () => connectProblem('127.0.0.1', port));
  return url;
}

/** Waits until `findProblem` finds none. @throws {Problem} naming the last one after 30 s */
async function until(children, what, findProblem) {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!children.stopped) {
    const problem = await findProblem();
    if (problem === undefined) return;
    if (Date.now() > deadline) throw new Problem(`${what} is not ready after ${READY_WITHIN_MS / 1000} s: ${problem}`);
    await sleep(50);
  }
}

async function unreadiness(url) {
  try {
    const response = await fetch(url);
    return response.ok ? undefined : `${url} says ${response.status} ${await response.text()}`;
  } catch (error) {
    return `${url}: ${error.cause?.message ?? error.message}`;
  }
}

/** The environment without the kinds of key that a developer may have set for other edges: here it is a secret. */
function withoutKeys(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TICKCAST_AUTH_')));
}

/** Resolves at the first Ctrl-C, SIGTERM or SIGHUP; the second ends everything at once. */
function onInterrupt(children) {
  return new Promise((resolve) => {
    let first;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        resolve();
        first ??= Date.now();
        // npm passes on the Ctrl-C that the terminal has already sent to the whole group: one key, two signals.
        if (Date.now() - first < SAME_SIGNAL_MS) return;
        children.kill();
        removeSession();
        process.exit(128 + constants.signals[signal]);
      });
    }
  });
}
