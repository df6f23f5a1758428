/** Who watches may die or be stopped at any moment: the next one tells nothing twice, and forgets nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { eventually, seededRandom } from '@tickcast/testing';
import {
  type AlertsWorld,
  openAlertsWorld,
  readFlips,
  startFlipping,
  termsOf,
  untilWatched,
} from './support/alerts.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const MEMORY = { name: 'memory', type: 'agent_memory', percent: 95 };
const RECORDS = 'tickcast:{alert_rules}';

const worlds: AlertsWorld[] = [];

afterAll(() => Promise.all(worlds.map((world) => world.close())));

async function newWorld(rules: readonly object[]): Promise<AlertsWorld> {
  const world = await openAlertsWorld(rules);
  worlds.push(world);
  return world;
}

async function startTwo(rules: readonly object[]): Promise<{ world: AlertsWorld; workers: WorkerProcess[] }> {
  const world = await newWorld(rules);
  const workers = await Promise.all(['one', 'two'].map((id) => world.startWorker(id)));
  await untilWatched(world);
  return { world, workers };
}

/** The one that has the duty, and the other. */
function whoWatches(workers: readonly WorkerProcess[]): { watcher: WorkerProcess; other: WorkerProcess } {
  const [watcher, other] = workers.toSorted((a, b) => termsOf(b) - termsOf(a));
  if (!watcher || !other) throw new Error('two workers are needed');
  return { watcher, other };
}

test.concurrent(
  'SIGKILL in the middle of an episode: the other worker tells its end, and neither its beginning again nor less',
  async () => {
    const { world, workers } = await startTwo([MEMORY, { name: 'stopped', type: 'agent_stopped' }]);
    for (const id of ['ends', 'lasts']) await world.agent(id, 'running', 97);
    for (const id of ['ends', 'lasts']) await eventually(async () => (await world.states('memory', id)).length === 1);
    const { watcher, other } = whoWatches(workers);
    await watcher.process.kill();
    // While nobody watches: one episode ends, and one begins.
    await world.agent('ends', 'running', 5);
    await world.agent('begins', 'running', 98);
    await eventually(async () => (await world.states('memory', 'ends')).length === 2, { withinMs: 12_000 });
    await eventually(async () => (await world.states('memory', 'begins')).length === 1);
    expect(termsOf(other)).toBe(1);
    await world.agent('lasts', 'running', 5);
    await eventually(async () => (await world.states('memory', 'lasts')).length === 2);
    expect(await world.states('memory', 'ends')).toEqual(['firing', 'resolved']);
    expect(await world.states('memory', 'lasts')).toEqual(['firing', 'resolved']);
    expect(await world.states('memory', 'begins')).toEqual(['firing']);

    // The worker that was killed is an agent too.
    const { agentId } = watcher;
    await eventually(async () => (await world.states('stopped', agentId)).length === 1, { withinMs: 35_000 });
    await world.startWorker(agentId);
    await eventually(async () => (await world.states('stopped', agentId)).length === 2, { withinMs: 10_000 });
  },
  90_000,
);

test.concurrent(
  'SIGSTOP past the lease: another worker takes over, and the one that wakes up tells nothing of its own',
  async () => {
    const { world, workers } = await startTwo([{ ...MEMORY, cooldown_seconds: 0 }]);
    await world.agent('box', 'running', 97);
    await eventually(async () => (await world.states('memory', 'box')).length === 1);
    const { watcher, other } = whoWatches(workers);
    watcher.process.signal('SIGSTOP');
    await eventually(() => termsOf(other) === 1, { withinMs: 12_000 });
    await world.agent('box', 'running', 5);
    await world.agent('late', 'running', 97);
    await eventually(async () => (await world.states('memory', 'box')).length === 2);
    await eventually(async () => (await world.states('memory', 'late')).length === 1);
    // What came meanwhile waits in its sockets, and it takes itself for the one who watches.
    watcher.process.signal('SIGCONT');
    await watcher.process.waitForLine(/"duty":"alerts".*"this worker leads no more"/);
    await untilWatched(world);
    expect(await world.states('memory', 'box')).toEqual(['firing', 'resolved']);
    expect(await world.states('memory', 'late')).toEqual(['firing']);
    // Nor does it write down what it would have told.
    expect(JSON.parse((await world.redis.hget(RECORDS, 'memory:late')) ?? '{}')).toMatchObject({ untold: null });
  },
  60_000,
);

test.concurrent(
  'SIGTERM: the other worker watches at once',
  async () => {
    const { world, workers } = await startTwo([MEMORY]);
    const { watcher, other } = whoWatches(workers);
    expect(await watcher.process.stop()).toEqual({ code: 0, signal: null });
    await eventually(() => termsOf(other) === 1, { withinMs: 4000 });
    await world.agent('box', 'running', 97);
    await eventually(async () => (await world.states('memory', 'box')).length === 1);
  },
  60_000,
);

test.concurrent(
  'what a dead worker had decided and written down is told once, whether it still published it or not',
  async () => {
    const world = await newWorld([MEMORY]);
    const now = Date.now();
    for (const subject of ['published', 'unpublished']) {
      const alert = { message: '内存使用率超过95%', timestamp: now / 1000, rule: 'memory', subject, state: 'firing' };
      const data = { level: 'warning', source: 'monitoring', value: 97, threshold: 95, ...alert };
      const untold = { eventId: `memory:${subject}:${now}:firing`, data };
      const record = { open: { since: now, message: alert.message }, announcedAt: now, untold };
      await world.redis.hset(RECORDS, `memory:${subject}`, JSON.stringify(record));
      if (subject === 'unpublished') continue;
      const frame = JSON.stringify({ type: 'alerts', data });
      await world.redis.fcall('tickcast_publish', 1, 'tickcast:{alerts}', frame, untold.eventId);
    }
    const gone = { open: { since: now, message: 'x' }, announcedAt: now, untold: null };
    await world.redis.hset(RECORDS, 'no-more:such-a-rule', JSON.stringify(gone));
    await world.startWorker('heir');
    await untilWatched(world);
    expect(await world.states('memory', 'published')).toEqual(['firing']);
    expect(await world.states('memory', 'unpublished')).toEqual(['firing']);
    for (const id of ['published', 'unpublished']) await world.agent(id, 'running', 5);
    await eventually(async () => (await world.states('memory', 'unpublished')).length === 2);
    expect(await world.states('memory', 'published')).toEqual(['firing', 'resolved']);
    // A rule that is gone from the file has no state any more.
    expect(await world.redis.hexists(RECORDS, 'no-more:such-a-rule')).toBe(0);
  },
  60_000,
);

test.concurrent(
  'workers killed at random moments: each subject’s alerts still follow each other, and the last one is true',
  async () => {
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    const { world, workers: both } = await startTwo([
      MEMORY,
      { name: 'flip', type: 'agent_memory', percent: 90, cooldown_seconds: 0 },
    ]);
    let workers = both;
    const flipping = startFlipping(world, random);
    for (let kill = 1; kill <= 4; kill++) {
      await sleep(500 + random() * 1500);
      const { watcher, other } = whoWatches(workers);
      const before = termsOf(other);
      await watcher.process.kill();
      workers = [other, await world.startWorker(`again-${kill}`)];
      await eventually(() => workers.some((worker) => termsOf(worker) > (worker === other ? before : 0)), {
        withinMs: 12_000,
      });
      // The newest term is the one that counts.
      const led = workers.filter((worker) => termsOf(worker) > (worker === other ? before : 0));
      workers = [...led, ...workers.filter((worker) => !led.includes(worker))];
    }
    await untilWatched(world);
    await flipping.stop();
    for (const { box, told, inTurn } of await readFlips(world, flipping.boxes)) {
      expect({ seed, box, told }).toEqual({ seed, box, told: inTurn });
      expect(told.length).toBeGreaterThan(0);
    }
  },
  120_000,
);
