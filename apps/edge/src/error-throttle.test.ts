import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ErrorThrottle } from './error-throttle.ts';

test('ten errors a second are sent, and the next one after that tells how many were kept back', () => {
  const throttle = new ErrorThrottle();
  for (let index = 0; index < 10; index += 1) expect(throttle.admit(500)).toBe(0);
  for (let index = 0; index < 7; index += 1) expect(throttle.admit(600)).toBeNull();
  expect(throttle.admit(1500)).toBe(7);
  expect(throttle.admit(1500)).toBe(0);
});

test('ten at the end of one second leave no room at the beginning of the next', () => {
  const throttle = new ErrorThrottle();
  throttle.admit(0);
  for (let index = 0; index < 9; index += 1) throttle.admit(990);
  expect(throttle.admit(1000)).toBe(0);
  expect(throttle.admit(1001)).toBeNull();
});

test('no second holds more than ten, and none is forgotten', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(3), fc.nat(200), fc.nat(1200)), { maxLength: 300 }), (pauses) => {
      const throttle = new ErrorThrottle();
      const sent: number[] = [];
      let now = 0;
      let counted = 0;
      for (const pause of pauses) {
        now += pause;
        const hasRoom = throttle.hasRoom(now);
        const dropped = throttle.admit(now);
        expect(dropped !== null).toBe(hasRoom);
        if (dropped === null) continue;
        sent.push(now);
        counted += 1 + dropped;
      }
      for (const [index, at] of sent.slice(10).entries()) expect(at - (sent[index] ?? 0)).toBeGreaterThanOrEqual(1000);
      const last = throttle.admit(now + 1000) ?? Number.NaN;
      expect(counted + last).toBe(pauses.length);
    }),
  );
});
