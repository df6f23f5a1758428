import { expect, test } from '@jest/globals';
import { FrameWalker } from '../src/load/frame-walker.ts';

const TEXT = 0x81;
const PING = 0x89;
const CLOSE = 0x88;

/** As a server sends it: not masked. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([opcode, length]), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.from([opcode, 126, length >> 8, length & 255]), payload]);
  const head = Buffer.from([opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** What a walker makes of the chunks, each of which is overwritten as soon as it was read. */
function walk(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const walker = new FrameWalker({
    text: (bytes, start, end) => seen.push(bytes.toString('utf8', start, end)),
    ping: (payload) => seen.push(`ping ${payload.toString()}`),
    close: (payload) => seen.push(`close ${payload.readUInt16BE(0)}`),
  });
  for (const chunk of chunks) {
    const shared = Buffer.from(chunk);
    walker.read(shared);
    shared.fill(0xff);
  }
  return seen;
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

const TEXTS = ['', 'a', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(65_535), 'w'.repeat(65_536), '报价'];
const STREAM = Buffer.concat([
  ...TEXTS.map((text) => frame(TEXT, Buffer.from(text))),
  frame(PING, Buffer.from('are you there')),
  frame(CLOSE, Buffer.from([0x03, 0xe8])),
]);
const SEEN = [...TEXTS, 'ping are you there', 'close 1000'];

test('several frames of one read are told apart, whatever the form of their length', () => {
  expect(walk([STREAM])).toEqual(SEEN);
});

test.each([1, 2, 3, 7, 64, 127, 4096, 65_537])('reads of %i bytes cut frames anywhere, and none is lost', (size) => {
  expect(walk(cut(STREAM, size))).toEqual(SEEN);
});

test('what is left of a read is kept until the frame is whole', () => {
  const [first, second] = [frame(TEXT, Buffer.from('first')), frame(TEXT, Buffer.from('second'))];
  expect(walk([Buffer.concat([first, second.subarray(0, 4)])])).toEqual(['first']);
  expect(walk([Buffer.concat([first, second.subarray(0, 4)]), second.subarray(4)])).toEqual(['first', 'second']);
});
