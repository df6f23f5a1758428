import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeEnvelope, isEpoch } from './envelope.ts';

const HEAD = 'T1 42 1701234567891234-0a1b2c 1701234568.000001 1 0700.HK';

test('a numbered event is read with its head and the bytes behind it', () => {
  expect(decodeEnvelope(Buffer.from(`${HEAD}\n{"a":\n1}`))).toEqual({
    kind: 'numbered',
    key: '0700.HK',
    seq: 42,
    epoch: '1701234567891234-0a1b2c',
    publishedAt: '1701234568.000001',
    keep: true,
    frame: Buffer.from('{"a":\n1}'),
  });
});

test('the key "-" is a key, and a stream without one is told apart from it', () => {
  expect(decodeEnvelope(Buffer.from(HEAD.replace('0700.HK', '-') + '\n{}'))).toMatchObject({ key: '-' });
  expect(decodeEnvelope(Buffer.from(HEAD.replace('0700.HK', '*') + '\n{}'))).toMatchObject({ key: null });
});

test('a message that was not published by the Function is raw', () => {
  for (const text of ['{"type":"alerts"}', ' {}', '', 'x', '\xff']) {
    expect(decodeEnvelope(Buffer.from(text, 'latin1'))).toBe('raw');
  }
});

test.each([
  ['no line end', HEAD],
  ['another version', `${HEAD.replace('T1', 'T2')}\n{}`],
  ['seq 0', `${HEAD.replace('42', '0')}\n{}`],
  ['a seq beyond what numbers can hold', `${HEAD.replace('42', '12345678901234567')}\n{}`],
  ['a key that is none', `${HEAD.replace('0700.HK', 'a:b')}\n{}`],
  ['a part too many', `${HEAD} x\n{}`],
  ['a line end far away', `T1 ${'1'.repeat(1_000_000)}\n{}`],
])('an envelope with %s can not be read', (_, text) => {
  expect(decodeEnvelope(Buffer.from(text))).toBeNull();
});

test.each([
  ['1701234567891234-0a1b2c', true],
  ['0-000000', true],
  ['12345678901234567-abcdef', true],
  ['123456789012345678-abcdef', false],
  ['1701234567891234-0A1B2C', false],
  ['1701234567891234-0a1b2c\n', false],
  [' 1-abcdef', false],
  ['1-abcde', false],
  ['-abcdef', false],
  ['', false],
])('%j has the form of an epoch: %p', (text, is) => {
  expect(isEpoch(text)).toBe(is);
});

test('no bytes make it throw', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(`T1 ${text}\n{}`)),
  );
  fc.assert(fc.property(message, (bytes) => void decodeEnvelope(Buffer.from(bytes))));
});
