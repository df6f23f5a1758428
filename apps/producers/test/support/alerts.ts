import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Commands, connectCommands, createNames, createPublisher, ensureFunction } from '@tickcast/backplane';
import type { StreamId } from '@tickcast/protocol';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

/** `data` of an alert that a rule raised. */
export interface RaisedAlert {
  level: string;
  message: string;
  timestamp: number;
  source: string;
  rule: string;
  subject: string;
  state: string;
  value: number | null;
  threshold: number;
}

/** A Redis, a file of rules, workers that watch by them, and whatever it is that they watch. */
export interface AlertsWorld {
  readonly server: RedisServer;
  readonly redis: Commands;
  readonly rulesFile: string;
  /** A worker with the role `alerts` alone; an agent too, as all workers. */
  startWorker(agentId: string, env?: NodeJS.ProcessEnv): Promise<WorkerProcess>;
  quote(symbol: string, price: number, how?: 'numbered' | 'raw'): Promise<void>;
  agent(agentId: string, status: string, memoryPercent?: number): Promise<void>;
  backtest(backtestId: string, status: string): Promise<void>;
  /** All that Redis has of a rule, and of one subject, in order. */
  alerts(rule: string, subject?: string): Promise<RaisedAlert[]>;
  /** The states of these alerts. */
  states(rule: string, subject: string): Promise<string[]>;
  /** Kills its workers too. */
  close(): Promise<void>;
}

export async function openAlertsWorld(rules: readonly object[]): Promise<AlertsWorld> {
  const server = await startRedis();
  const redis = connectCommands(server.url, { timeoutMs: 10_000 });
  await eventually(() => redis.status === 'ready');
  await ensureFunction(redis);
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-alerts-'));
  const rulesFile = join(folder, 'rules.json');
  writeFileSync(rulesFile, JSON.stringify({ rules }));
  const publisher = createPublisher({ redis, names: createNames() });
  const workers: WorkerProcess[] = [];
  const now = (): number => Date.now() / 1000;

  async function alerts(rule: string, subject?: string): Promise<RaisedAlert[]> {
    const entries = await redis.xrange('tickcast:{alerts}:log', '-', '+');
    return entries
      .map(([, fields]) => (JSON.parse(fields[fields.indexOf('f') + 1] ?? '{}') as { data: RaisedAlert }).data)
      .filter((data) => data.rule === rule && (subject === undefined || data.subject === subject));
  }

  return {
    server,
    redis,
    rulesFile,
    alerts,
    states: async (rule, subject) => (await alerts(rule, subject)).map(({ state }) => state),
    async startWorker(agentId, env = {}) {
      const worker = await startWorkerProcess({
        redisUrl: server.url,
        agentId,
        roles: 'alerts',
        env: { TICKCAST_ALERT_RULES: rulesFile, ...env },
      });
      workers.push(worker);
      return worker;
    },
    async quote(symbol, price, how = 'numbered') {
      const id: StreamId = { channel: 'market_data', key: symbol };
      const frame = JSON.stringify({ type: 'market_data', symbol, data: { timestamp: now(), price, volume: 1 } });
      await (how === 'raw' ? publisher.publishRaw(id, frame) : publisher.publish(id, frame));
    },
    async agent(agentId, status, memoryPercent) {
      const figures = { cpu_usage: 1, memory_usage: 1, task_queue_size: 0, last_update: now() };
      const data = { status, ...figures, memory_percent: memoryPercent };
      const frame = JSON.stringify({ type: 'agent_status', agent_id: agentId, data });
      await publisher.publish({ channel: 'agent_status', key: agentId }, frame);
    },
    async backtest(backtestId, status) {
      const days = { total_days: 9, completed_days: 9, estimated_remaining: 0 };
      const data = { progress: 1, current_date: '2024-01-01', ...days, status };
      const frame = JSON.stringify({ type: 'backtest_progress', backtest_id: backtestId, data });
      await publisher.publish({ channel: 'backtest_progress', key: backtestId }, frame);
    },
    async close() {
      await Promise.all(workers.map(({ process: worker }) => worker.kill()));
      redis.disconnect();
      rmSync(folder, { recursive: true });
      await server.stop();
    },
  };
}

let probes = 0;

/** Resolves when some worker sees what is published now; needs a rule `memory` for 95 %. */
export async function untilWatched(world: AlertsWorld, withinMs = 15_000): Promise<void> {
  const probe = `probe-${++probes}`;
  await eventually(() => world.agent(probe, 'running', 96), { withinMs });
  await eventually(async () => (await world.states('memory', probe)).length > 0, { withinMs });
}

/** How often a worker was given the duty of watching. */
export function termsOf({ process: { lines } }: WorkerProcess): number {
  return lines().filter((line) => line.includes('"duty":"alerts"') && line.includes('"this worker leads"')).length;
}

/** Agents whose memory goes above 90 % and below at random, until all are left below. Needs a rule `flip` for 90 %. */
export function startFlipping(world: AlertsWorld, random: () => number): { stop(): Promise<void>; boxes: string[] } {
  const boxes = Array.from({ length: 6 }, (_, number) => `box-${number}`);
  let isOver = false;
  const flipping = (async () => {
    while (!isOver) {
      const box = boxes[Math.floor(random() * boxes.length)] ?? 'box-0';
      // Redis may be away.
      await world.agent(box, 'running', random() < 0.5 ? 94 : 5).catch(() => undefined);
      await sleep(random() * 60);
    }
  })();
  return {
    boxes,
    async stop() {
      isOver = true;
      await flipping;
      for (const box of boxes) await world.agent(box, 'running', 5);
    },
  };
}

/** Resolves when all boxes are resolved. @returns for each what was told, and what this should have been */
export async function readFlips(world: AlertsWorld, boxes: readonly string[]) {
  return Promise.all(
    boxes.map(async (box) => {
      await eventually(async () => (await world.states('flip', box)).length % 2 === 0, { withinMs: 10_000 });
      const told = await world.states('flip', box);
      return { box, told, inTurn: told.map((_, index) => (index % 2 === 0 ? 'firing' : 'resolved')) };
    }),
  );
}
