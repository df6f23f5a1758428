import { expect, test } from '@jest/globals';
import { createMessageFilter } from './message-filter.ts';
import { seededRandom } from './mod.ts';
import { createRespReader } from './resp-reader.ts';

interface Sample {
  bytes: Buffer;
  /** Of a Pub/Sub message. */
  channel?: string;
  payload?: string;
}

const ROUNDS = 200;

test('the ends of replies are found wherever the bytes are cut', () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const random = seededRandom(seed);
    const samples = anySamples(random);
    const readReplies = createRespReader();
    const ends: number[] = [];
    let before = 0;
    for (const piece of cutAnywhere(join(samples), random)) {
      for (const end of readReplies(piece)) ends.push(before + end);
      before += piece.length;
    }
    let length = 0;
    expect({ seed, ends }).toEqual({ seed, ends: samples.map(({ bytes }) => (length += bytes.length)) });
  }
});

test('the messages that are picked are left out wherever the bytes are cut, and all else passes byte for byte', () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const random = seededRandom(seed);
    const samples = anySamples(random);
    let dropped = 0;
    const filter = createMessageFilter(
      () => (channel, payload) => channel === 'prices' && payload.includes('\r\n'),
      () => dropped++,
    );
    const passed = Buffer.concat([...cutAnywhere(join(samples), random)].map(filter));
    const expected = samples.filter(({ channel, payload }) => channel !== 'prices' || !payload?.includes('\r\n'));
    expect({ seed, dropped, passed: passed.toString() }).toEqual({
      seed,
      dropped: samples.length - expected.length,
      passed: join(expected).toString(),
    });
  }
});

test('a predicate that comes and goes between any two bytes takes whole messages or nothing', () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const random = seededRandom(seed);
    const samples = anySamples(random);
    let isSet = false;
    let dropped = 0;
    const filter = createMessageFilter(
      () => (isSet ? (channel) => channel === 'prices' : undefined),
      () => dropped++,
    );
    const passed: Buffer[] = [];
    for (const piece of cutAnywhere(join(samples), random)) {
      isSet = random() < 0.5;
      passed.push(filter(piece));
    }
    const rest = Buffer.concat(passed);
    const ends = createRespReader()(rest);
    const others = samples.filter(({ channel }) => channel !== 'prices');
    expect({ seed, replies: ends.length, last: ends.at(-1) ?? 0 }).toEqual({
      seed,
      replies: samples.length - dropped,
      last: rest.length,
    });
    expect(dropped).toBeLessThanOrEqual(samples.length - others.length);
  }
});

test('what can not be a message passes before its end has come', () => {
  const filter = createMessageFilter(
    () => () => true,
    () => undefined,
  );
  expect(filter(Buffer.from('*3\r\n$7\r\nmes')).toString()).toBe('');
  const passed = filter(Buffer.from('sing\r\n$5000\r\nthe beginning')).toString();
  expect(passed).toBe('*3\r\n$7\r\nmessing\r\n$5000\r\nthe beginning');
});

test('an array of another command that begins with the word passes', () => {
  const filter = createMessageFilter(
    () => () => true,
    () => undefined,
  );
  for (const reply of ['*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n', '*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$-1\r\n']) {
    expect(filter(Buffer.from(reply)).toString()).toBe(reply);
  }
});

test('bytes that are no RESP2 are refused', () => {
  expect(() => createRespReader()(Buffer.from('HTTP/1.1 200 OK\r\n'))).toThrow(/not a RESP2 reply: "HTTP/);
  expect(() => createRespReader()(Buffer.from('$x\r\n'))).toThrow(/not a RESP2 reply/);
});

function* cutAnywhere(bytes: Buffer, random: () => number): Generator<Buffer> {
  const longest = 1 + Math.floor(random() * 60);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + Math.floor(random() * longest);
    yield bytes.subarray(at, end);
    at = end;
  }
}

function anySamples(random: () => number): Sample[] {
  return Array.from({ length: 20 }, () => (random() < 0.5 ? anyMessage(random) : { bytes: anyReply(random, 0) }));
}

function anyMessage(random: () => number): Sample {
  const channel = random() < 0.5 ? 'prices' : 'kurse-ä';
  const payload = anyText(random);
  return { bytes: array(['message', channel, payload].map(bulk)), channel, payload };
}

function anyReply(random: () => number, depth: number): Buffer {
  const kinds = [
    () => Buffer.from('+OK\r\n'),
    () => Buffer.from('-ERR no such thing\r\n'),
    () => Buffer.from(`:${Math.floor(random() * 1e6) - 5e5}\r\n`),
    () => Buffer.from('$-1\r\n'),
    () => Buffer.from('*-1\r\n'),
    () => Buffer.from('*0\r\n'),
    () => bulk(anyText(random)),
    () => bulk('message'),
    () => array(Array.from({ length: depth > 3 ? 0 : Math.floor(random() * 5) }, () => anyReply(random, depth + 1))),
  ] as const;
  const make = kinds[Math.floor(random() * kinds.length)] ?? kinds[0];
  return make();
}

/** With line breaks and what looks like headers in it, and bytes of more than one to a character. */
function anyText(random: () => number): string {
  const parts = ['', 'x', 'ü', '騰訊', '\r\n', '\n', '$5\r\n', '*3\r\n$7\r\nmessage\r\n', ' '.repeat(40)];
  const length = Math.floor(random() * 6);
  return Array.from({ length }, () => parts[Math.floor(random() * parts.length)]).join('');
}

function bulk(text: string): Buffer {
  return Buffer.from(`$${Buffer.byteLength(text)}\r\n${text}\r\n`);
}

function array(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${elements.length}\r\n`), ...elements]);
}

function join(samples: readonly Sample[]): Buffer {
  return Buffer.concat(samples.map(({ bytes }) => bytes));
}
