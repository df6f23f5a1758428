import { DEAD_LETTERS_QUEUE } from '@tickcast/jobs';
import type { Condition } from './conditions.ts';
import type { WatchedOf } from './rules.ts';

export function failedJob({ count, windowSeconds }: WatchedOf<'failed_job'>): Condition {
  const failures = new Map<string, number>();
  return {
    threshold: count,
    observe(seen) {
      if (seen.kind === 'backtest_end' && seen.status === 'failed' && !failures.has(seen.backtestId)) {
        failures.set(seen.backtestId, seen.at);
      }
    },
    readings(now) {
      for (const [id, at] of failures) if (now - at >= windowSeconds * 1000) failures.delete(id);
      const value = failures.size;
      const text = `最近${windowSeconds}秒内有${value}个回测任务失败`;
      return [{ subject: 'backtests', value, firing: value >= count, text }];
    },
  };
}

export function queueDepth({ queue, jobs }: WatchedOf<'queue_depth'>): Condition {
  return depthOf(queue, jobs, (waiting) => `队列 ${queue} 有${waiting}个任务在等待，超过${jobs}个`);
}

export function deadLetters({ jobs }: WatchedOf<'dead_letters'>): Condition {
  return depthOf(DEAD_LETTERS_QUEUE, jobs, (waiting) => `死信队列中有${waiting}个失败的任务待处理`);
}

function depthOf(queue: string, most: number, describe: (waiting: number) => string): Condition {
  let waiting: number | null = null;
  return {
    threshold: most,
    observe(seen) {
      if (seen.kind === 'queue' && seen.queue === queue) waiting = seen.waiting;
    },
    readings: () =>
      waiting === null ? [] : [{ subject: queue, value: waiting, firing: waiting > most, text: describe(waiting) }],
  };
}

export function clusterNearCap({ percent }: WatchedOf<'cluster_near_cap'>, maxConnections: number): Condition {
  let seats: number | null = null;
  return {
    threshold: percent,
    observe(seen) {
      if (seen.kind === 'seats') seats = seen.seats;
    },
    readings() {
      if (seats === null) return [];
      const exact = (seats / maxConnections) * 100;
      const value = Math.round(exact * 10) / 10;
      const text = `连接数已达上限的${value}%（${seats}/${maxConnections}）`;
      return [{ subject: 'cluster', value, firing: exact >= percent, text }];
    },
  };
}
