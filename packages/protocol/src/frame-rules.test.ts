import { expect, test } from '@jest/globals';
import { FRAME_RULES } from './frame-rules.ts';

test('the rules of each channel are those of its schema', () => {
  const number = { type: 'number' };
  const string = { type: 'string' };
  const status = { type: 'string', min: 1, max: 64 };
  expect(FRAME_RULES).toEqual({
    market_data: {
      keyField: 'symbol',
      required: { timestamp: number, price: number, volume: number },
      optional: { open: number, high: number, low: number },
    },
    agent_status: {
      keyField: 'agent_id',
      required: { status, cpu_usage: number, memory_usage: number, task_queue_size: number, last_update: number },
      optional: {},
    },
    backtest_progress: {
      keyField: 'backtest_id',
      required: {
        progress: number,
        current_date: string,
        total_days: number,
        completed_days: number,
        estimated_remaining: number,
      },
      optional: { status },
    },
    alerts: {
      keyField: null,
      required: { level: string, message: string, timestamp: number, source: string },
      optional: {},
    },
  });
});
