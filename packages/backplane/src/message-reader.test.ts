import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { MessageReader } from './message-reader.ts';

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const messageOf = (channel: string, text: string) => `*3\r\n${bulk('message')}${bulk(channel)}${bulk(text)}`;

/** What Redis may say, and what a subscriber is to be told of it. */
const message = fc
  .record({ channel: fc.constantFrom('a', 'tickcast:{market_data:0700.HK}', '中'), text: fc.string({ maxLength: 40 }) })
  .map(({ channel, text }) => ({ bytes: messageOf(channel, text), told: `${channel}=${text}` }));
const other = fc
  .oneof(
    fc.constantFrom('+OK\r\n', '-ERR no\r\n', ':12\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', '+PONG\r\n'),
    fc.constant(`*3\r\n${bulk('subscribe')}${bulk('a')}:1\r\n`),
    fc.constant(`*2\r\n${bulk('pong')}${bulk('')}`),
    fc.constant(`*4\r\n${bulk('pmessage')}${bulk('a*')}${bulk('a')}${bulk('x')}`),
    fc.constant(`*2\r\n*2\r\n:1\r\n$-1\r\n*1\r\n+x\r\n`),
    fc.string({ maxLength: 30 }).map(bulk),
  )
  .map((bytes) => ({ bytes, told: null }));
const replies = fc.array(fc.oneof(message, message, other), { maxLength: 30 });

function read(chunks: readonly Buffer[]) {
  const told: string[] = [];
  const reader = new MessageReader((channel, text) => told.push(`${channel}=${text.toString()}`));
  return { rest: chunks.map((chunk) => reader.read(chunk)), told };
}

test('messages are taken out and all else is passed on in whole replies, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(replies, fc.array(fc.nat(2000), { maxLength: 20 }), (said, cuts) => {
      const bytes = Buffer.from(said.map((reply) => reply.bytes).join(''));
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
      const { rest, told } = read(at.slice(1).map((end, index) => bytes.subarray(at[index], end)));
      expect(told).toEqual(said.flatMap((reply) => reply.told ?? []));
      const others = said.filter((reply) => reply.told === null).map((reply) => reply.bytes);
      expect(Buffer.concat(rest).toString()).toBe(others.join(''));
      // Nothing that is passed on ends within a reply.
      let whole = '';
      const ends = new Set(['', ...others.map((one) => (whole += one))]);
      let passed = '';
      for (const piece of rest) expect(ends).toContain((passed += piece.toString()));
    }),
    { numRuns: 500 },
  );
});

test('a long message is put together once, not with every piece that comes', () => {
  const text = 'x'.repeat(1_000_000);
  const bytes = Buffer.from(messageOf('a', text));
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
    bytes.subarray(i * 1000, i * 1000 + 1000),
  );
  const concat = Buffer.concat;
  let copied = 0;
  Buffer.concat = (list, length) => {
    const joined = concat(list, length);
    copied += joined.length;
    return joined;
  };
  try {
    expect(read(pieces).told).toEqual([`a=${text}`]);
  } finally {
    Buffer.concat = concat;
  }
  expect(copied).toBeLessThan(3 * bytes.length);
});

test.each([
  ['a reply of another protocol', '%1\r\n+x\r\n:1\r\n'],
  ['a reply of another protocol within an array', '*2\r\n:1\r\n_\r\n'],
  ['a length that is no number', '$1x\r\n'],
  ['a message that is no string', `*3\r\n${bulk('message')}${bulk('a')}:1\r\n`],
])('%s ends the reading, after the messages before it', (_what, unreadable) => {
  const bytes = Buffer.from(`${messageOf('a', '1')}+OK\r\n${unreadable}${messageOf('a', '2')}`);
  for (const chunks of [[bytes], Array.from(bytes, (byte) => Buffer.from([byte]))]) {
    const told: string[] = [];
    const reader = new MessageReader((channel, text) => told.push(`${channel}=${text.toString()}`));
    const readAll = () => {
      for (const chunk of chunks) reader.read(chunk);
    };
    expect(readAll).toThrow(expect.objectContaining({ code: 'unreadable_reply' }));
    expect(told).toEqual(['a=1']);
  }
});
