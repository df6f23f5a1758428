import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { observe } from './observations.ts';

const figures = '"cpu_usage":1,"memory_usage":1,"task_queue_size":0,"last_update":1';
const report = (memory: string): Buffer =>
  Buffer.from(
    `{"type":"agent_status","agent_id":"a1","data":{"status":"running",${figures},"memory_percent":${memory}}}`,
  );

test.each([
  ['97.5', 97.5],
  ['1e400', null],
  ['-1e400', null],
  ['"97"', null],
  ['null', null],
])('a memory_percent of %s is read as %p: the protocol does not check it', (memory, memoryPercent) => {
  const seen = observe('agent_status', { key: 'a1', frame: report(memory), at: 1 });
  expect(seen).toEqual({ kind: 'agent', agentId: 'a1', status: 'running', memoryPercent, at: 1 });
});

test('a frame of another stream than was expected is a bad one', () => {
  const frame = report('1');
  expect(observe('agent_status', { key: null, frame, at: 1 })).toMatchObject({ kind: 'agent' });
  expect(observe('agent_status', { key: 'a2', frame, at: 1 })).toEqual({ problem: expect.any(String) });
  expect(observe('market_data', { key: null, frame, at: 1 })).toEqual({ problem: expect.any(String) });
});

test('no frame makes it throw', () => {
  const json = fc.json().map((text) => Buffer.from(text));
  const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const data = fc.json().map((text) => Buffer.from(`{"type":"agent_status","agent_id":"a1","data":${text}}`));
  fc.assert(
    fc.property(fc.oneof(json, anyBytes, data), (frame) => {
      for (const channel of ['agent_status', 'market_data', 'backtest_progress'] as const)
        observe(channel, { key: null, frame, at: 1 });
    }),
  );
});
