import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, ReceivedFrame, TestClient } from '@tickcast/testing';

/** Calls `publish` with 0, 1, 2… at that rate, one after the other, and resolves with the number of calls. */
export async function publishAtRate(
  perSecond: number,
  forMs: number,
  publish: (index: number) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now();
  const count = Math.round((perSecond * forMs) / 1000);
  for (let index = 0; index < count; index++) {
    const dueIn = startedAt + (index * 1000) / perSecond - performance.now();
    if (dueIn > 1) await sleep(dueIn);
    await publish(index);
  }
  return count;
}

/** Begins to watch how long this process stands still, and answers the most of it so far, ms. */
export function watchOwnDelays(): () => number {
  const delays = monitorEventLoopDelay();
  delays.enable();
  return () => delays.max / 1e6;
}

/**
 * The most frames that surely came within any second, wherever it begins.
 * @param unseenMs the longest that this process stood still: what came meanwhile it saw together, and later
 */
export function mostInASecond(frames: readonly ReceivedFrame[], unseenMs: number): number {
  const spanMs = 1000 - unseenMs;
  return Math.max(
    0,
    ...frames.map(({ at: from }, index) => frames.slice(index).filter(({ at }) => at < from + spanMs).length),
  );
}

/** Pushes of one type as they came, snapshots left out. */
export function pushesOf(client: TestClient, type: string): ReceivedFrame[] {
  return client.frames.filter(({ frame }) => frame.type === type && frame['snapshot'] !== true);
}

/** The events that frames stand for: themselves, and those merged into them. */
export function eventsIn(frames: readonly Frame[]): number {
  return frames.reduce((sum, frame) => sum + 1 + conflatedIn(frame), 0);
}

export function conflatedIn(frame: Frame): number {
  return Number(frame['conflated'] ?? 0);
}

export function isNumbered(frame: Frame): boolean {
  return 'seq' in frame;
}

/** Frames that don't continue the one before: `seq - conflated` is the number after the last. */
export function breaks(frames: readonly Frame[], lastSeq: number): Frame[] {
  let last = lastSeq;
  return frames.filter((frame) => {
    const expected = last + 1;
    last = Number(frame['seq']);
    return last - conflatedIn(frame) !== expected;
  });
}
