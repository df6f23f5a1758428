import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { record, type Recorder } from './support/recorder.ts';
import { startWorkerProcess, type WorkerProcess } from './support/worker-process.ts';

const STREAM = 'tickcast:{agent_status}';
/** A worker's registration lasts 15 s. */
const LAPSE_MS = 17_000;

let redis: RedisServer;
let agents: Recorder<{ status: string }>;
let workers: WorkerProcess[];

beforeEach(async () => {
  redis = await startRedis();
  agents = await record<{ status: string }>(redis.url, 'agent_status');
  workers = [];
});

afterEach(async () => {
  agents.close();
  await Promise.all(workers.map(({ process: worker }) => worker.kill()));
  await redis.stop();
});

async function launch(agentId: string): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({ redisUrl: redis.url, agentId, roles: 'backtests' });
  workers.push(worker);
  return worker;
}

async function start(...agentIds: string[]): Promise<void> {
  for (const agentId of agentIds) await launch(agentId);
  for (const agentId of agentIds) await eventually(() => statuses(agentId).includes('running'), { withinMs: 10_000 });
}

function statuses(agentId: string): string[] {
  return agents.of(agentId).map(({ data }) => data.status);
}

test('an outage that outlasts the registrations makes nobody report agents that live; one that died in it is reported', async () => {
  await start('one', 'two', 'three', 'dead');
  await redis.cli('SAVE');
  await redis.kill();
  const killedAt = performance.now();
  await workers.pop()?.process.kill();
  await eventually(() => performance.now() - killedAt > LAPSE_MS, { withinMs: 2 * LAPSE_MS });
  // One that comes back later than the one that leads.
  const late = workers[2] as WorkerProcess;
  late.process.signal('SIGSTOP');
  await redis.start();
  const coordinator = () => redis.cli('HGET', `${STREAM}:coordinator`, 'time').then(Number);
  const startedAt = Number((await redis.cli('TIME')).split('\n')[0]);
  await eventually(async () => (await coordinator()) >= startedAt, { withinMs: 20_000 });
  late.process.signal('SIGCONT');
  await eventually(() => statuses('dead').at(-1) === 'stopped', { withinMs: 20_000 });
  // What the workers say, as the recorder was away itself for a moment.
  const reported = workers.flatMap(({ process: worker }) => worker.lines().filter((line) => line.includes('is gone')));
  expect(reported.map((line) => (JSON.parse(line) as { agent: string }).agent)).toEqual(['dead']);
}, 60_000);

test('what somebody has written over the stream of an agent does not keep the others from being missed', async () => {
  await start('one');
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:broken`, '1');
  await redis.cli('SET', `${STREAM}:broken`, 'what is no hash');
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:zombie`, '1');
  await eventually(() => statuses('zombie').at(-1) === 'stopped', { withinMs: 20_000 });
  await eventually(async () => (await redis.cli('ZRANGE', `${STREAM}/leases`, '0', '-1')) === 'one');
  expect(statuses('coordinator')).toEqual(['running']);
}, 60_000);

test('a coordinator that can publish nothing, as Redis is full, still stops in time', async () => {
  await start('one');
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  const second = await launch('two');
  // The leader dies; the other one is elected, for which Redis has room.
  await workers[0]?.process.kill();
  await second.process.waitForLine(/"duty":"coordinator".*this worker leads/, 15_000);
  expect(await second.process.stop()).toEqual({ code: 0, signal: null });
}, 60_000);
