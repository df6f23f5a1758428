// Prints how fast an edge is on this machine (`npm run perf`): nothing here is asserted, machines differ.
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectCommands, createNames, createPublisher } from '@tickcast/backplane';
import { endAllProcesses, freePort, mintToken, startEdge, startRedis, TEST_SECRET } from '@tickcast/testing';
import { cpuSeconds, pin } from './process-cpu.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const symbolOf = (n) => `${String(1000 + n)}.HK`;

function once(child, field) {
  return new Promise((resolve, reject) => {
    child.on('message', function listen(message) {
      if (!(field in message)) return;
      child.off('message', listen);
      resolve(message[field]);
    });
    child.once('exit', (code) => reject(new Error(`a child of the measurement ended with ${code}`)));
  });
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function tokensFor(count) {
  return Promise.all(Array.from({ length: count }, (_, i) => mintToken({ sub: `load-${i}` })));
}

/** Ten of fifty symbols for each client, each symbol wanted equally often. */
const tenOfFifty = (count) =>
  Array.from({ length: count }, (_, i) => Array.from({ length: 10 }, (_unused, j) => symbolOf((i * 10 + j) % 50)));

async function withClients(run, use) {
  const clients = fork(here('load-clients.mjs'));
  try {
    const ready = once(clients, 'ready');
    clients.send({ run });
    return await use(clients, await ready);
  } finally {
    clients.kill('SIGKILL');
  }
}

async function connecting(redis) {
  const edges = [await startEdge({ redisUrl: redis.url }), await startEdge({ redisUrl: redis.url })];
  const run = { urls: edges.map(({ url }) => url), tokens: await tokensFor(1000), subscriptions: tenOfFifty(1000) };
  await withClients(run, async (_clients, { seconds }) => {
    console.log(
      `connect   1000 clients, token, seat, 10 subscriptions each, over two edges: ${seconds.toFixed(2)} s (goal: under 5)`,
    );
  });
  for (const edge of edges) await edge.kill();
}

async function fanOut(redis, publish, seconds) {
  await redis.cli('FLUSHALL');
  const edge = await startEdge({ redisUrl: redis.url });
  pin(edge.pid, 0);
  const run = { urls: [edge.url], tokens: await tokensFor(1000), subscriptions: tenOfFifty(1000) };
  await withClients(run, async (clients) => {
    pin(clients.pid, 1);
    const stop = publish();
    await sleep(2000);
    clients.send({ reset: true });
    const [startedAt, cpuBefore] = [performance.now(), cpuSeconds(edge.pid)];
    await sleep(seconds * 1000);
    const report = once(clients, 'report');
    clients.send({ report: true });
    const { frames, latencies } = await report;
    const elapsed = (performance.now() - startedAt) / 1000;
    const cpu = cpuSeconds(edge.pid) - cpuBefore;
    stop();
    const sorted = latencies.toSorted((a, b) => a - b);
    console.log(
      `fan-out   ${Math.round(frames / elapsed).toLocaleString('en')} frames/s from one edge on one core: ` +
        `p50 ${percentile(sorted, 0.5).toFixed(1)} ms, p99 ${percentile(sorted, 0.99).toFixed(1)} ms (goal: p99 under 100), ` +
        `${((cpu / frames) * 1e6).toFixed(1)} µs CPU a frame, core ${Math.round((cpu / elapsed) * 100)} % busy`,
    );
  });
  await edge.kill();
}

/** Ten events a second on each of fifty symbols, evenly spread. */
function steadyPublisher(redisUrl) {
  const redis = connectCommands(redisUrl);
  const publisher = createPublisher({ redis, names: createNames('tickcast:') });
  let n = 0;
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - startedAt) / 2);
    for (; n < due; n += 1) {
      const symbol = symbolOf(n % 50);
      const data = {
        timestamp: Date.now() / 1000,
        price: 352 + (n % 7),
        open: 350,
        high: 355,
        low: 345,
        volume: 1_000_000 + n,
      };
      publisher
        .publish({ channel: 'market_data', key: symbol }, JSON.stringify({ type: 'market_data', symbol, data }))
        .catch(() => undefined);
    }
  }, 2);
  return () => {
    clearInterval(timer);
    redis.disconnect();
  };
}

async function memory(redis) {
  await redis.cli('FLUSHALL');
  const [port, adminPort] = [await freePort(), await freePort()];
  const host = fork(here('edge-host.mjs'), {
    execArgv: ['--expose-gc'],
    env: {
      ...process.env,
      TICKCAST_HOST: '127.0.0.1',
      TICKCAST_PORT: String(port),
      TICKCAST_ADMIN_PORT: String(adminPort),
      TICKCAST_REDIS_URL: redis.url,
      TICKCAST_AUTH_SECRET: TEST_SECRET,
      TICKCAST_MAX_CONNECTIONS: '20000',
      TICKCAST_MAX_PENDING: '20000',
    },
  });
  await once(host, 'started');
  await sleep(1000);
  const urls = [`ws://127.0.0.1:${port}/api/v1/websocket`];
  const rss = async () => {
    const answer = once(host, 'rssBytes');
    host.send('measure');
    return answer;
  };
  const grow = (count, use) =>
    tokensFor(count).then((tokens) => withClients({ urls, tokens, subscriptions: tenOfFifty(count) }, use));
  /** One process of clients after the other: a stampede is another measurement. */
  const growTo = ([count, ...more], use) => grow(count, () => (more.length > 0 ? growTo(more, use) : use()));
  const slope = await growTo([1000, 1000], async () => {
    const at2000 = await rss();
    return growTo([1500, 1500, 1500, 1500], async () => ((await rss()) - at2000) / 6000);
  });
  host.kill('SIGKILL');
  console.log(
    `memory    ${(slope / 1024).toFixed(1)} KiB resident a connection with 10 subscriptions, slope from 2,000 to 8,000 (goal: under 6)`,
  );
}

const redis = await startRedis();
try {
  await connecting(redis);
  await fanOut(redis, () => steadyPublisher(redis.url), 10);
  await memory(redis);
} finally {
  await redis.stop();
  await endAllProcesses();
}
process.exit(0);
