import { expect, test } from '@jest/globals';
import { Pace } from './pace.ts';
import type { Traffic } from './reach.ts';
import { WriteWindow } from './write-window.ts';

/** Half of what is between two frames of a stream that is faster than ten a second. */
const LONGEST_MS = 500 / 9;

/** A window on a node whose traffic of a second is told, and which is judged as often as it asks to be. */
class Node {
  now = 0;
  readonly window: WriteWindow;
  #perSecond: Traffic = { frames: 0, sockets: 0 };
  #askedAt = 0;

  constructor(rate = 10) {
    this.window = new WriteWindow(Pace.spacingAt(rate), () => {
      const elapsed = this.now - this.#askedAt;
      this.#askedAt = this.now;
      return { frames: (this.#perSecond.frames * elapsed) / 1000, sockets: this.#perSecond.sockets };
    });
  }

  /** @param sockets that a window's events reach @returns the window after a second of it */
  under(deliveriesPerSecond: number, sockets: number): number {
    this.#perSecond = { frames: deliveriesPerSecond, sockets };
    const until = this.now + 1000;
    while (this.now < until) {
      this.now += 5;
      this.window.judge(this.now);
    }
    return this.window.ms;
  }

  /** Nothing comes for a minute, then one event. */
  pause(): number {
    this.#perSecond = { frames: 0, sockets: 0 };
    this.now += 60_000;
    this.window.judge(this.now);
    return this.window.ms;
  }
}

test('at low load every event leaves in the turn in which it came', () => {
  const node = new Node();
  expect(node.under(9000, 90)).toBe(0);
  expect(node.window.endOf(1234.5)).toBe(1234.5);
  expect(node.window.lastEnd(1234.5)).toBe(1234.5);
  expect(node.window.align(1234.5, true)).toBe(1234.5);
});

test('the window grows with the load, and is never longer than 56 ms', () => {
  const node = new Node();
  expect(node.under(15_000, 100)).toBeCloseTo(LONGEST_MS / 2);
  expect(node.under(25_000, 250)).toBeCloseTo(LONGEST_MS);
  expect(node.under(300_000, 1000)).toBeCloseTo(LONGEST_MS);
});

test.each([
  [700_000, 1],
  [740_000, 2],
  [1_400_000, 2],
  [1_500_000, 4],
  [2_800_000, 4],
  [3_000_000, 8],
  [9_000_000, 8],
])(
  'at %d deliveries a second to 1000 clients writes are long all the same: 1/%d of the window will do',
  (load, part) => {
    expect(new Node().under(load, 1000)).toBeCloseTo(LONGEST_MS / part);
  },
);

test('where most writes would carry one frame all the same, nothing waits, however high the load', () => {
  // One symbol that a thousand clients watch, ten times a second; and many symbols of one client each.
  expect(new Node().under(10_000, 1000)).toBe(0);
  expect(new Node().under(20_000, 1000)).toBe(0);
});

test('it is judged by what a client gets, not by how many clients this node has', () => {
  for (const edges of [1, 2, 4]) expect(new Node().under(100_000 / edges, 1000 / edges)).toBeCloseTo(LONGEST_MS);
});

test('one window without load does not shut it, a few do, and a pause does at once', () => {
  const node = new Node();
  expect(node.under(100_000, 1000)).toBeCloseTo(LONGEST_MS);
  node.window.judge((node.now += LONGEST_MS));
  expect(node.window.ms).toBeCloseTo(LONGEST_MS);
  expect(node.under(0, 0)).toBe(0);
  expect(node.under(100_000, 1000)).toBeCloseTo(LONGEST_MS);
  expect(node.pause()).toBe(0);
});

test.each([1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 250])(
  'at a limit of %d a second all windows end on one grid, on which the spaced streams meet',
  (rate) => {
    const node = new Node(rate);
    const ms = node.under(500_000, 1000);
    expect(ms).toBeLessThanOrEqual(56);
    expect(ms).toBeGreaterThan(27);
    const spacing = Pace.spacingAt(rate);
    const first = node.window.align(10_000, true);
    let at = first;
    for (let frame = 1; frame <= 20; frame += 1) {
      const next = node.window.align(at + spacing, true);
      // One after the other without a window lost in between.
      expect(next - at).toBeLessThan(Math.max(spacing, ms) + 0.1);
      expect(next - at).toBeGreaterThan(spacing - 3);
      expect(node.window.lastEnd(next)).toBeCloseTo(next, 3);
      at = next;
    }
    expect(node.window.endOf(first)).toBeCloseTo(first + ms, 3);
  },
);

/** Windows with so many events of one stream each, that take so long. @returns how many of each window found room */
function write(node: Node, perWindow: number, ...each: number[]): number[] {
  return each.map((ms) => {
    node.now += LONGEST_MS;
    let taken = 0;
    while (taken < perWindow && node.window.hasRoom(taken)) taken += 1;
    node.window.wrote(node.now, ms);
    return taken;
  });
}

test('windows that take too long to write, one after the other, are given room for less', () => {
  const node = new Node();
  expect(write(node, 9, 100, 100, 100)).toEqual([9, 9, 9]);
  // No window was open.
  expect(write(node, 9, 1)).toEqual([9]);
  node.under(100_000, 1000);
  expect(write(node, 9, 20, 50, 50, 20, 50)).toEqual([9, 9, 9, 9, 9]);
  expect(write(node, 9, 50, 50, 1, 50, 50, 50)).toEqual([9, 9, 6, 6, 6, 6]);
  expect(write(node, 9, 50)).toEqual([4]);
});

test('one event of a stream finds room in any window', () => {
  const node = new Node();
  node.under(100_000, 1000);
  write(node, 9, ...Array.from({ length: 100 }, () => 50));
  expect(write(node, 9, 50)).toEqual([1]);
});

test('room comes back one by one with each second in time, and all of it once it is not used up', () => {
  const node = new Node();
  node.under(100_000, 1000);
  write(node, 6, 50, 50, 50);
  const inTime = () => Math.max(...write(node, 6, ...Array.from({ length: 18 }, () => 1)));
  expect([inTime(), inTime(), inTime()]).toEqual([4, 5, 6]);
  write(node, 3, ...Array.from({ length: 40 }, () => 1));
  expect(write(node, 100, 1)).toEqual([100]);
});
