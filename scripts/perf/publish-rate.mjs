// Prints what it costs one worker to publish the quotes of 500 symbols, 20 a second each (`npm run perf:publish`).
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectCommands, createNames, readPositions } from '@tickcast/backplane';
import { cleanEnvironment, endAllProcesses, eventually, startProcess, startRedis } from '@tickcast/testing';
import { pin } from '../../apps/bench/dist/rig/pinning.js';
import { cpuSeconds } from '../../apps/bench/dist/rig/process-figures.js';

const SYMBOLS = 500;
const RATE = 20;
const SECONDS = 20;
const WORKER = fileURLToPath(new URL('../../apps/producers/dist/main.js', import.meta.url));

async function startFeed(redisUrl) {
  const feed = ['simulate', '--symbols', String(SYMBOLS), '--rate', String(RATE)];
  const worker = await startProcess(process.execPath, [WORKER, ...feed], {
    env: cleanEnvironment({
      TICKCAST_REDIS_URL: redisUrl,
      TICKCAST_ROLES: 'market',
      TICKCAST_HOST: '127.0.0.1',
      TICKCAST_PRODUCERS_ADMIN_PORT: '0',
    }),
  });
  const { adminPort } = JSON.parse(await worker.waitForLine(/"adminPort"/, 20_000));
  return { worker, metrics: () => readMetrics(`http://127.0.0.1:${adminPort}/metrics`) };
}

/** The figures of a page of metrics, by name and labels as they stand there. */
async function readMetrics(url) {
  const page = await (await fetch(url)).text();
  const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** How many events the streams of quotes have had: counted by Redis, not by the worker. */
async function eventsIn(redis, names) {
  const keys = await redis.keys('tickcast:{market_data:*}');
  const streams = keys.map((name) => ({ channel: 'market_data', key: name.slice(name.lastIndexOf(':') + 1, -1) }));
  const positions = await readPositions(redis, names, streams);
  return { streams: streams.length, events: positions.flat().reduce((sum, { seq }) => sum + seq, 0) };
}

/** Of a histogram of seconds, between two pages: within which bucket that share lies, in ms, evenly spread inside. */
function percentile(name, share, before, after) {
  const bucket = new RegExp(`^${name}_bucket\\{.*le="([^"]+)"`);
  const counts = [...after].flatMap(([sample, count]) => {
    const [, le] = bucket.exec(sample) ?? [];
    return le === undefined
      ? []
      : [{ upTo: Number(le.replace('+Inf', 'Infinity')), count: count - (before.get(sample) ?? 0) }];
  });
  const wanted = counts.reduce((most, { count }) => Math.max(most, count), 0) * share;
  let low = { upTo: 0, count: 0 };
  for (const high of counts.toSorted((a, b) => a.upTo - b.upTo)) {
    if (high.count >= wanted && high.count > low.count) {
      if (high.upTo === Infinity) return Number.NaN;
      return (low.upTo + ((high.upTo - low.upTo) * (wanted - low.count)) / (high.count - low.count)) * 1000;
    }
    low = high;
  }
  return Number.NaN;
}

const server = await startRedis();
const redis = connectCommands(server.url, { timeoutMs: 10_000 });
try {
  const names = createNames();
  pin(server.pid, 'others');
  const { worker, metrics } = await startFeed(server.url);
  pin(worker.pid, 'server');
  await eventually(async () => (await eventsIn(redis, names)).streams === SYMBOLS, { withinMs: 30_000 });
  await sleep(2000);

  const measure = async () => ({
    at: performance.now(),
    worker: cpuSeconds(worker.pid),
    redis: cpuSeconds(server.pid),
    published: (await eventsIn(redis, names)).events,
    page: await metrics(),
  });
  const before = await measure();
  await sleep(SECONDS * 1000);
  const after = await measure();

  const seconds = (after.at - before.at) / 1000;
  const core = (process) => `${((100 * (after[process] - before[process])) / seconds).toFixed(1)} % of one core`;
  const latency = (share) => `${percentile('tickcast_publish_seconds', share, before.page, after.page).toFixed(2)} ms`;
  const skipped = (page) =>
    [...page].reduce((sum, [name, count]) => sum + (name.startsWith('tickcast_quotes_skipped_total') ? count : 0), 0);
  const rows = [
    ['feed', `${SYMBOLS} symbols x ${RATE} quotes/s, one worker, ${seconds.toFixed(0)} s`],
    ['published', `${Math.round((after.published - before.published) / seconds).toLocaleString('en')} quotes/s`],
    ['skipped', String(skipped(after.page) - skipped(before.page))],
    ['CPU of the worker', `${core('worker')} (goal: under 50 %)`],
    ['CPU of Redis', core('redis')],
    ['publish latency', `p50 ${latency(0.5)}, p99 ${latency(0.99)}`],
  ];
  for (const [name, figure] of rows) console.log(`${name.padEnd(18)} ${figure}`);
} finally {
  redis.disconnect();
  await server.stop();
  await endAllProcesses();
}
process.exit(0);
