import { beforeAll, expect, test } from '@jest/globals';
import {
  type Channel,
  CHANNELS,
  checkPublishedFrame,
  isNormalKey,
  normalKey,
  SERVER_FIELDS,
  type StreamId,
} from '@tickcast/protocol';
import * as fc from 'fast-check';
import { backplaneOnRedis, goodFrame, type OnRedis } from '../test/on-redis.ts';
import { PublishRefusedError } from './errors.ts';

let { redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ redis, names, publisher } = await backplaneOnRedis());
});

async function functionAccepts(id: StreamId, frame: Buffer): Promise<boolean> {
  const refusal: unknown = await publisher.publish(id, frame).then(
    () => null,
    (error: unknown) => error,
  );
  if (refusal instanceof PublishRefusedError) return false;
  if (refusal !== null) throw refusal;
  return true;
}

function edgeAccepts(id: StreamId, frame: Buffer): boolean {
  const checked = checkPublishedFrame(id.channel, frame);
  return !('problem' in checked) && checked.key === id.key;
}

const keyOf = (channel: Channel) => (channel === 'alerts' ? null : 'K-1');
const stream = fc.constantFrom(...CHANNELS).map((channel): StreamId => ({ channel, key: keyOf(channel) }));

const words = (text: TemplateStringsArray) => String.raw(text).split(' ');

/** What JSON libraries are known to differ on, and what the rules are about. */
const ODDITIES = [
  ...words`1. -.5 .5 1.e5 -0 01 -01 +1 0x1f 1e5 1E+5 1e 1e999 -1e999 1e-999 1_000 1/2 1.7976931348623157e308 4.9e-324`,
  ...words`123456789012345678901234567890 NaN -NaN nan Infinity -Infinity inf null nul true TRUE undefined [] {} [1,]`,
  ...words`{"a":1,} {a:1} 'a' "a "" "😀" "中" "\u0000" "\ud800" "\udc00\ud800" "\ud83d\ude00" "\uD83D" "\x41" "\/" "\a"`,
  ...words`"-.5" "a.b" "a." "a\\" "a\"" // /**/ , : } { " \ [[[[[[]]]]]]`,
  ...' \t\r\n'.split(''),
  '- 1',
  '"a. b"',
  '"\t"',
  '"\n"',
  '"\\\n"',
  '"\u007f"',
  '"\u2028"',
  '\v',
  '\f',
  '\u00a0',
  '\ufeff',
  '\0',
  ...SERVER_FIELDS.map((field) => `"x","${field}":1`),
];
const RAW_BYTES = [
  '\xff',
  '\xc0\xaf',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\xe4\xb8',
  '\x80',
  '\xf0\x9f\x98',
  '\xef\xbb\xbf',
];

const oddity = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ODDITIES).map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.constantFrom(...RAW_BYTES).map((text) => Buffer.from(text, 'latin1')) },
  { weight: 2, arbitrary: fc.json().map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => Buffer.from(JSON.stringify(text))) },
);

/** Replaces a value or any token of a good frame, puts something in between, or cuts some bytes out. */
const change = fc.record({
  at: fc.nat(),
  what: oddity,
  how: fc.constantFrom('value', 'value', 'token', 'insert', 'cut'),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(frame: Buffer, { at, what, how }: Change): Buffer {
  if (how === 'value' || how === 'token') {
    const pattern = how === 'value' ? /(?<=:|\[)(?:"[^"]*"|[\d.]+)/g : /"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}[\]:,]/g;
    const tokens = [...frame.toString('latin1').matchAll(pattern)];
    const token = tokens[at % tokens.length];
    if (!token) return what;
    return Buffer.concat([frame.subarray(0, token.index), what, frame.subarray(token.index + token[0].length)]);
  }
  const from = at % (frame.length + 1);
  const to = how === 'cut' ? from + (what[0] ?? 0) : from;
  return Buffer.concat([frame.subarray(0, from), ...(how === 'cut' ? [] : [what]), frame.subarray(to)]);
}

test('what the Function accepts, every edge accepts', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(stream, fc.array(change, { minLength: 1, maxLength: 2 }), async (id, changes) => {
      const frame = changes.reduce(changed, Buffer.from(goodFrame(id, { note: 'a', more: [1, 2, 3], price: 5 })));
      if (!(await functionAccepts(id, frame))) return;
      accepted += 1;
      expect(edgeAccepts(id, frame)).toBe(true);
    }),
    { numRuns: 5000 },
  );
  // Were nearly nothing accepted, the test would show nothing.
  expect(accepted).toBeGreaterThan(100);
});

test('what an edge accepts of JSON.stringify, the Function accepts', async () => {
  const status = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 70 }),
    fc.constantFrom('completed', 'a', '中'.repeat(64)),
  );
  const extra = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.string({ unit: 'grapheme' }), fc.double());
  await fc.assert(
    fc.asyncProperty(stream, status, extra, async (id, text, value) => {
      const withStatus = id.channel === 'market_data' || id.channel === 'alerts' ? {} : { status: text };
      const frame = Buffer.from(goodFrame(id, { ...withStatus, note: value }));
      expect(await functionAccepts(id, frame)).toBe(edgeAccepts(id, frame));
    }),
    { numRuns: 1500 },
  );
});

test('both have the same normal form of keys', async () => {
  const part = fc.constantFrom(
    '0',
    '00',
    '7',
    '700',
    '12345',
    '123456',
    'HK',
    'hk',
    '.',
    '.HK',
    'HK.',
    'A',
    '-',
    '^',
    ':',
    '{',
    ' ',
    '中',
  );
  const key = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('market_data', 'agent_status'), key, async (channel, text) => {
      const name = channel === 'market_data' ? `tickcast:{market_data:${text}}` : `tickcast:{agent_status}:${text}`;
      const opened = await redis.fcall('tickcast_open', 1, name).then(
        () => true,
        () => false,
      );
      expect(opened).toBe(isNormalKey(channel, text));
      const normal = normalKey(channel, text);
      if (normal !== null) await redis.fcall('tickcast_open', 1, names.streamKey({ channel, key: normal }));
    }),
    { numRuns: 1500 },
  );
});

test.each([
  ['arrays', '[', ']'],
  ['objects', '{"a":', '}'],
])('both accept 64 levels of %s and refuse 65', async (_, open, close) => {
  const id: StreamId = { channel: 'market_data', key: 'DEEP' };
  for (const levels of [62, 63, 64, 200, 999, 1001]) {
    // The frame and its data are two levels more.
    const more = `"more":${open.repeat(levels)}1${close.repeat(levels)}`;
    const frame = Buffer.from(goodFrame(id, { more: 0 }).replace('"more":0', more));
    const accepted = levels + 2 <= 64;
    expect({ levels, byEdge: edgeAccepts(id, frame) }).toEqual({ levels, byEdge: accepted });
    expect({ levels, byFunction: await functionAccepts(id, frame) }).toEqual({ levels, byFunction: accepted });
  }
});
