import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkPublishedFrame } from '@tickcast/protocol';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { record, type Recorded, type Recorder } from './support/recorder.ts';
import { startWorkerProcess, type WorkerProcess } from './support/worker-process.ts';

interface AgentData extends Record<string, unknown> {
  status: string;
  cpu_usage: number;
  memory_usage: number;
  task_queue_size: number;
  last_update: number;
}

const STREAM = 'tickcast:{agent_status}';

let redis: RedisServer;
let agents: Recorder<AgentData>;
const workers = new Map<string, WorkerProcess>();

async function start(agentId: string, env: NodeJS.ProcessEnv = {}): Promise<WorkerProcess> {
  const startedAt = performance.now();
  const worker = await startWorkerProcess({ redisUrl: redis.url, agentId, roles: 'backtests', env });
  workers.set(agentId, worker);
  await reported(agentId, 'running', startedAt);
  return worker;
}

/** Waits for a report later than `after`, by `performance.now()`. */
function reported(agentId: string, status: string, after: number, withinMs = 10_000): Promise<Recorded<AgentData>> {
  return eventually(
    () => {
      const found = agents.of(agentId).find(({ at, data }) => at > after && data.status === status);
      if (found === undefined) throw new Error(`${agentId} is not ${status}: ${statuses(agentId).join(' ')}`);
      return found;
    },
    { withinMs },
  );
}

function statuses(agentId: string): string[] {
  return agents.of(agentId).map(({ data }) => data.status);
}

/** The one that leads, and the other. */
async function byLeadership(one: string, other: string): Promise<[WorkerProcess, WorkerProcess]> {
  const leads = (id: string) => {
    const said = workers
      .get(id)
      ?.process.lines()
      .filter((line) => line.includes('"duty":"coordinator"'));
    return /this worker leads"/.test(said?.at(-1) ?? '');
  };
  return eventually(() => {
    const [leader, follower] = leads(one) ? [one, other] : [other, one];
    const [first, second] = [workers.get(leader), workers.get(follower)];
    if (!leads(leader) || first === undefined || second === undefined) throw new Error('nobody leads');
    // One that has lost it says so at its next renewal, perhaps after the other has taken it.
    if (leads(follower)) throw new Error('both say that they lead');
    return [first, second];
  });
}

beforeAll(async () => {
  redis = await startRedis();
  agents = await record<AgentData>(redis.url, 'agent_status');
});

afterAll(async () => {
  agents.close();
  await Promise.all([...workers.values()].map(({ process: child }) => child.kill()));
  await redis.stop();
});

test('a worker reports itself with the figures of its process, and one worker is the coordinator', async () => {
  const one = await start('one');
  const { data } = await reported('one', 'running', 0);
  expect(statuses('one').slice(0, 2)).toEqual(['starting', 'running']);
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${one.process.pid}/status`, 'utf8'))?.[1];
  expect(data.memory_usage / (Number(resident) / 1024)).toBeCloseTo(1, 0);
  expect(data.cpu_usage).toBeGreaterThan(0);
  expect(Math.abs(data.last_update - Date.now() / 1000)).toBeLessThan(20);
  expect(data['memory_percent']).toBeGreaterThan(0);
  expect(data['memory_percent']).toBeLessThan(100);
  await start('two');
  await reported('coordinator', 'running', 0);

  const frame = await redis.cli('HGET', `${STREAM}:one`, 'frame');
  expect(checkPublishedFrame('agent_status', Buffer.from(frame))).toMatchObject({ key: 'one' });
});

test('a killed worker is reported as stopped by the others within 35 s, and another is the coordinator within 10 s', async () => {
  const [leader, follower] = await byLeadership('one', 'two');
  const killedAt = performance.now();
  await leader.process.kill();

  const takenOver = await reported('coordinator', 'running', killedAt, 10_000);
  expect(takenOver.data.status).toBe('running');
  const { data } = await reported(leader.agentId, 'stopped', killedAt, 35_000);
  const lastWords = agents.of(leader.agentId).findLast((report) => report.data.status !== 'stopped')?.data;
  expect(data).toMatchObject({
    cpu_usage: 0,
    memory_usage: 0,
    task_queue_size: 0,
    last_update: lastWords?.last_update,
  });
  expect(statuses(follower.agentId).at(-1)).toBe('running');
  await eventually(async () => (await redis.cli('KEYS', `tickcast:{jobs}:agent-${leader.agentId}:*`)) === '');

  await start(leader.agentId);
  const said = statuses(leader.agentId);
  // It may have been refreshed since.
  expect(said.slice(said.lastIndexOf('stopped')).slice(0, 3)).toEqual(['stopped', 'starting', 'running']);
}, 60_000);

test('a worker that was stopped for 20 s is reported as stopped, and says that it runs when it is back', async () => {
  const [, follower] = await byLeadership('one', 'two');
  const stoppedAt = performance.now();
  follower.process.signal('SIGSTOP');
  await reported(follower.agentId, 'stopped', stoppedAt, 35_000);
  const hasQueue = async () =>
    Number(await redis.cli('EXISTS', `tickcast:{jobs}:agent-${follower.agentId}:repeat`)) === 1;
  // It is taken for that of a dead worker after the report: one that is back in between refreshes late, once.
  await eventually(async () => !(await hasQueue()));
  const backAt = performance.now();
  follower.process.signal('SIGCONT');
  await reported(follower.agentId, 'running', backAt);
  await eventually(hasQueue);
}, 60_000);

test('an agent of any other service that registers is reported as stopped when it does not come again', async () => {
  const name = `${STREAM}:risk-engine`;
  const data = { status: 'running', cpu_usage: 1, memory_usage: 2, task_queue_size: 3, last_update: 1701234567.89 };
  const frame = JSON.stringify({ type: 'agent_status', agent_id: 'risk-engine', data });
  // In this order: a second after it has registered it is missed.
  await redis.cli('FCALL', 'tickcast_publish', '1', name, frame);
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', name, '1');
  const { data: last } = await reported('risk-engine', 'stopped', 0);
  expect(last.last_update).toBe(1701234567.89);

  // One that says goodbye is not missed, and neither is one that never registered.
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:polite`, '5');
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:polite`, '0');
  await redis.cli('FCALL', 'tickcast_publish', '1', `${STREAM}:stranger`, frame.replace('risk-engine', 'stranger'));
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', `${STREAM}:late`, '5');
  await reported('late', 'stopped', 0, 20_000);
  expect(statuses('polite')).toEqual([]);
  expect(statuses('stranger')).toEqual(['running']);
});

test('after Redis came back empty, the agents are there again and their refresh is scheduled again', async () => {
  await redis.kill();
  const killedAt = performance.now();
  await redis.restart({ keepData: false });
  for (const agentId of ['one', 'two', 'coordinator']) {
    await eventually(async () => (await redis.cli('HGET', `${STREAM}:${agentId}`, 'status')) === 'running', {
      withinMs: 15_000,
    });
  }
  for (const agentId of ['one', 'two']) {
    await eventually(async () => Number(await redis.cli('EXISTS', `tickcast:{jobs}:agent-${agentId}:repeat`)) === 1);
  }
  expect(performance.now() - killedAt).toBeLessThan(30_000);
}, 60_000);

test('a Function that is lost while Redis stays is put back', async () => {
  // We ourselves have to be back after the test before; nobody else listens.
  await eventually(async () => (await redis.cli('PUBSUB', 'NUMSUB', STREAM)).endsWith('\n1'), { withinMs: 10_000 });
  const before = agents.of('one').length;
  await redis.cli('FUNCTION', 'FLUSH');
  await redis.cli('DEL', `${STREAM}:one`);
  await eventually(async () => (await redis.cli('FUNCTION', 'LIST')).includes('tickcast_publish_held'), {
    withinMs: 10_000,
  });
  // What was lost with the Function is reported again.
  await eventually(() => agents.of('one').length > before, { withinMs: 10_000 });
}, 30_000);

test('SIGTERM: the worker says that it stops, then that it has; the others take over; the last one is the coordinator to the end', async () => {
  const [leader, follower] = await byLeadership('one', 'two');
  const stoppedAt = performance.now();
  expect(await leader.process.stop()).toEqual({ code: 0, signal: null });
  await reported(leader.agentId, 'stopped', stoppedAt);
  expect(statuses(leader.agentId).slice(-2)).toEqual(['stopping', 'stopped']);
  await reported('coordinator', 'running', stoppedAt, 5000);
  expect(await follower.process.stop()).toEqual({ code: 0, signal: null });
  await reported('coordinator', 'stopped', stoppedAt);
  await reported(follower.agentId, 'stopped', stoppedAt);
  expect(statuses('coordinator').at(-1)).toBe('stopped');
  expect(statuses(follower.agentId).slice(-2)).toEqual(['stopping', 'stopped']);
  for (const worker of [leader, follower]) {
    expect(worker.process.lines().filter((line) => line.includes('Warning'))).toEqual([]);
  }
  expect(await redis.cli('KEYS', 'tickcast:{jobs}:agent-*')).toBe('');
});
