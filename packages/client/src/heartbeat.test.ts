import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, jest, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import { startHeartbeat } from './heartbeat.ts';

afterEach(() => void jest.useRealTimers());

function heartbeatOf(intervalMs: number) {
  const told: string[] = [];
  const heartbeat = startHeartbeat({
    intervalMs,
    ping: () => told.push('ping'),
    silent: (isSilent) => told.push(isSilent ? 'silent' : 'heard'),
    dead() {
      told.push('dead');
      heartbeat.stop();
    },
  });
  return { heartbeat, told };
}

test('a silent peer is pinged, then told to be silent, then dead', () => {
  jest.useFakeTimers();
  const { told } = heartbeatOf(200);
  jest.advanceTimersByTime(499);
  expect(told).not.toContain('dead');
  jest.advanceTimersByTime(1);
  expect(told[0]).toBe('ping');
  expect(told.filter((each) => each !== 'ping')).toEqual(['silent', 'dead']);
});

test('whatever is heard ends the silence', () => {
  jest.useFakeTimers();
  const { heartbeat, told } = heartbeatOf(200);
  jest.advanceTimersByTime(300);
  expect(told.at(-1)).toBe('silent');
  heartbeat.heard();
  expect(told.at(-1)).toBe('heard');
  heartbeat.stop();
});

test('a request without an answer is death, however much else is heard', () => {
  jest.useFakeTimers();
  const { heartbeat, told } = heartbeatOf(100);
  heartbeat.asked('answered');
  heartbeat.asked('unanswered');
  heartbeat.answered('answered');
  for (let ms = 0; ms < 1100 && !told.includes('dead'); ms += 20) {
    jest.advanceTimersByTime(20);
    heartbeat.heard();
  }
  expect(told).toContain('dead');
  expect(told).not.toContain('silent');
});

test('a timer that was held up does not judge: it pings, and judges by what comes then', async () => {
  const { heartbeat, told } = heartbeatOf(40);
  for (let i = 0; i < 5; i++) {
    const until = performance.now() + 300;
    while (performance.now() < until);
    await sleep(0);
    heartbeat.heard();
  }
  expect(told).not.toContain('dead');
  expect(told.filter((each) => each === 'ping').length).toBeGreaterThan(1);
  await eventually(() => told.includes('dead'));
});
