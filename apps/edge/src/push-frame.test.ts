import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { pushFrame } from './push-frame.ts';

const FRAME = Buffer.from('{"type":"alerts","data":{"price":1701234567.891234}}');

const textOf = (fields: Parameters<typeof pushFrame>[1], frame = FRAME) => pushFrame(frame, fields).toString();

test("the server's fields stand in front of the publisher's bytes", () => {
  expect(textOf({ seq: 7, publishedAt: '1701234568.000001', conflated: 2 })).toBe(
    '{"seq":7,"published_at":1701234568.000001,"conflated":2,"type":"alerts","data":{"price":1701234567.891234}}',
  );
});

test('a raw frame that stands for itself is passed on untouched', () => {
  expect(textOf({ conflated: 0 })).toBe(FRAME.toString());
});

test('a snapshot is marked as one', () => {
  expect(JSON.parse(textOf({ seq: 1, publishedAt: '1.5', snapshot: true }))).toMatchObject({ snapshot: true });
});

test.each([3, null])('a loss of %p events is told', (lost) => {
  expect(JSON.parse(textOf({ seq: 1, publishedAt: '1.5', lost }))).toMatchObject({ lost });
});

test('white space in front of the frame does not matter', () => {
  expect(JSON.parse(textOf({ seq: 1, publishedAt: '1.5' }, Buffer.from(' \n\t{ "a":1}')))).toEqual({
    seq: 1,
    published_at: 1.5,
    a: 1,
  });
});

test("every push is JSON with the publisher's fields and the server's", () => {
  const frame = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { minKeys: 1, noNullPrototype: true });
  fc.assert(
    fc.property(frame, fc.nat(), fc.nat(5), (published, seq, conflated) => {
      fc.pre(!['seq', 'published_at', 'conflated', '__proto__'].some((field) => Object.hasOwn(published, field)));
      const push = pushFrame(Buffer.from(JSON.stringify(published)), { seq, publishedAt: '1.25', conflated });
      expect(JSON.parse(push.toString())).toEqual({
        seq,
        published_at: 1.25,
        ...(conflated > 0 ? { conflated } : {}),
        ...(JSON.parse(JSON.stringify(published)) as object),
      });
    }),
  );
});
