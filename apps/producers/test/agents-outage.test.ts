import { afterAll, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { record } from './support/recorder.ts';
import { startWorkerProcess, type WorkerProcess } from './support/worker-process.ts';

const STREAM = 'tickcast:{agent_status}';
/** A worker's registration lasts 15 s. */
const LAPSE_MS = 17_000;

interface Office {
  readonly redis: RedisServer;
  /** Those that were started and not taken away, the first of which leads. */
  readonly workers: WorkerProcess[];
  launch(agentId: string): Promise<WorkerProcess>;
  /** Starts these, one after the other, and waits until each has said that it runs. */
  start(...agentIds: string[]): Promise<void>;
  /** All that an agent was said to be. */
  statuses(agentId: string): string[];
}

const closings: Array<() => Promise<void>> = [];

afterAll(() => Promise.all(closings.map((close) => close())));

async function openOffice(): Promise<Office> {
  const redis = await startRedis();
  const agents = await record<{ status: string }>(redis.url, 'agent_status');
  const started: WorkerProcess[] = [];
  const workers: WorkerProcess[] = [];
  closings.push(async () => {
    agents.close();
    await Promise.all(started.map(({ process: worker }) => worker.kill()));
    await redis.stop();
  });

  const statuses = (agentId: string): string[] => agents.of(agentId).map(({ data }) => data.status);
  async function launch(agentId: string): Promise<WorkerProcess> {
    const worker = await startWorkerProcess({ redisUrl: redis.url, agentId, roles: 'backtests' });
    started.push(worker);
    workers.push(worker);
    return worker;
  }
  async function start(...agentIds: string[]): Promise<void> {
    for (const agentId of agentIds) await launch(agentId);
    for (const agentId of agentIds) await eventually(() => statuses(agentId).includes('running'), { withinMs: 10_000 });
  }
  return { redis, workers, launch, start, statuses };
}

test.concurrent(
  'an outage that outlasts the registrations makes nobody report agents that live; one that died in it is reported',
  async () => {
    const { redis, workers, start, statuses } = await openOffice();
    await start('one', 'two', 'three', 'dead');
    await redis.cli('SAVE');
    await redis.kill();
    const killedAt = performance.now();
    await workers.pop()?.process.kill();
    await eventually(() => performance.now() - killedAt > LAPSE_MS, { withinMs: 2 * LAPSE_MS });
    // One that comes back later than the one that leads.
    const late = workers[2] as WorkerProcess;
    late.process.signal('SIGSTOP');
    // Redis has the same clock here. Asked afterwards it might tell a time after the report that is waited for.
    const startedAt = Date.now() / 1000;
    await redis.start();
    const coordinator = () => redis.cli('HGET', `${STREAM}:coordinator`, 'time').then(Number);
    await eventually(async () => (await coordinator()) >= startedAt, { withinMs: 20_000 });
    late.process.signal('SIGCONT');
    await eventually(() => statuses('dead').at(-1) === 'stopped', { withinMs: 20_000 });
    // What the workers say, as the recorder was away itself for a moment: they say it after they have published it.
    const reported = (): string[] =>
      workers
        .flatMap(({ process: worker }) => worker.lines().filter((line) => line.includes('is gone')))
        .map((line) => (JSON.parse(line) as { agent: string }).agent);
    await eventually(() => reported().includes('dead'));
    // Whoever lapsed with it is reported in the same turn, which ends with the dead one taken out.
    const registered = (): Promise<string> => redis.cli('ZRANGE', `${STREAM}/leases`, '0', '-1');
    await eventually(async () => (await registered()).split('\n').sort().join() === 'one,three,two');
    expect(reported()).toEqual(['dead']);
  },
  120_000,
);

test.concurrent(
  'what somebody has written over the stream of an agent does not keep the others from being missed',
  async () => {
    const { redis, start, statuses } = await openOffice();
    await start('one');
    await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:broken`, '1');
    await redis.cli('SET', `${STREAM}:broken`, 'what is no hash');
    await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:zombie`, '1');
    await eventually(() => statuses('zombie').at(-1) === 'stopped', { withinMs: 20_000 });
    await eventually(async () => (await redis.cli('ZRANGE', `${STREAM}/leases`, '0', '-1')) === 'one');
    expect(statuses('coordinator')).toEqual(['running']);
  },
  120_000,
);

test.concurrent(
  'a coordinator that can publish nothing, as Redis is full, still stops in time',
  async () => {
    const { redis, workers, launch, start } = await openOffice();
    await start('one');
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    const second = await launch('two');
    // The leader dies; the other one is elected, for which Redis has room.
    await workers[0]?.process.kill();
    await second.process.waitForLine(/"duty":"coordinator".*this worker leads/, 15_000);
    expect(await second.process.stop()).toEqual({ code: 0, signal: null });
  },
  120_000,
);
