import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { ParsedClientMessage } from './client-message-types.ts';
import { parseClientMessage } from './client-messages.ts';
import { ERROR_CODES } from './errors.ts';
import { REASONS } from './reasons.ts';
import { CLIENT_SCHEMAS } from './schemas/client.ts';

function parse(message: unknown) {
  return parseClientMessage(JSON.stringify(message));
}

describe('a good message comes out in normal form', () => {
  test.each([
    [
      { type: 'subscribe', channel: 'market_data', symbol: 'HK.00700' },
      { type: 'subscribe', channel: 'market_data', key: '0700.HK' },
    ],
    [
      { type: 'subscribe', id: 1, channel: 'market_data', symbols: ['700.hk', 'no symbol'] },
      {
        type: 'subscribe',
        id: 1,
        channel: 'market_data',
        keys: [
          { raw: '700.hk', key: '0700.HK' },
          { raw: 'no symbol', key: null },
        ],
      },
    ],
    [
      { type: 'subscribe', channel: 'agent_status', symbol: null, params: { agent_id: 'Coordinator', other: [] } },
      { type: 'subscribe', channel: 'agent_status', key: 'Coordinator' },
    ],
    [
      { type: 'subscribe', channel: 'agent_status', symbol: 'ignored', params: { backtest_id: 'ignored' } },
      { type: 'subscribe', channel: 'agent_status', key: null },
    ],
    [
      { type: 'subscribe', channel: 'alerts', since: { epoch: 'e', seq: 0, more: 1 } },
      { type: 'subscribe', channel: 'alerts', key: null, since: { epoch: 'e', seq: 0 } },
    ],
    [
      { type: 'subscribe', channel: 'alerts', symbol: null, symbols: null, params: null, since: null },
      { type: 'subscribe', channel: 'alerts', key: null },
    ],
    [
      { type: 'unsubscribe', id: '', channel: 'backtest_progress', params: { backtest_id: 'bt_1' } },
      { type: 'unsubscribe', id: '', channel: 'backtest_progress', key: 'bt_1' },
    ],
    [
      { type: 'ping', timestamp: 0 },
      { type: 'ping', timestamp: 0 },
    ],
    [{ type: 'ping', timestamp: null }, { type: 'ping' }],
    [
      { type: 'hello', id: -1 },
      { type: 'hello', id: -1 },
    ],
    [
      { type: 'auth', token: 't', seat: 's', x: 1 },
      { type: 'auth', token: 't', seat: 's' },
    ],
    [
      { type: 'auth', token: 't', seat: null },
      { type: 'auth', token: 't' },
    ],
    [{ type: 'list' }, { type: 'list' }],
  ])('%j', (sent, message) => {
    expect(parse(sent)).toEqual({ ok: true, message });
  });

  test('the examples of every schema are good messages', () => {
    for (const schema of Object.values(CLIENT_SCHEMAS)) {
      const { examples } = schema as unknown as { examples: unknown[] };
      for (const example of examples) expect(parse(example)).toHaveProperty('ok', true);
    }
  });

  test('text and bytes are read alike', () => {
    const text = '{"type":"ping","id":"内存"}';
    const read = parseClientMessage(text);
    expect(parseClientMessage(Buffer.from(text))).toEqual(read);
    expect(parseClientMessage(new TextEncoder().encode(text).buffer)).toEqual(read);
  });
});

describe('a refused message keeps its id where the id is valid', () => {
  test.each(['a', 'a'.repeat(64), '😀'.repeat(64), '', 0, -7, Number.MAX_SAFE_INTEGER])('%j', (id) => {
    expect(parse({ id })).toMatchObject({ ok: false, code: 'invalid_message_format', id });
    expect(parse({ id, type: 'x' })).toMatchObject({ ok: false, code: 'unsupported_message_type', id });
    expect(parse({ id, type: 'auth' })).toMatchObject({ ok: false, code: 'invalid_parameters', id });
    expect(parse({ id, type: 'ping' })).toEqual({ ok: true, message: { type: 'ping', id } });
  });

  test.each([null, true, [], {}, 1.5, 2 ** 53, 'a'.repeat(65), `${'😀'.repeat(64)}a`])('not %j', (id) => {
    expect(parse({ id, type: 'x' })).not.toHaveProperty('id');
    expect(parse({ id, type: 'ping' })).toEqual({ ok: false, code: 'invalid_parameters', reason: 'id_invalid' });
  });
});

test('text from outside is cut to 64 characters, never through one', () => {
  expect(parse({ type: `a${'😀'.repeat(100)}` })).toMatchObject({ params: { type: `a${'😀'.repeat(63)}` } });
  expect(parse({ type: 'subscribe', channel: 'c'.repeat(100) })).toMatchObject({ params: { channel: 'c'.repeat(64) } });
});

test('__proto__ in a message is a field like any other', () => {
  const hidden = ['{"__proto__":{"type":"ping"}}', '{"type":"auth","__proto__":{"token":"t"}}'];
  for (const text of hidden) expect(parseClientMessage(text)).toHaveProperty('ok', false);
  const params = '{"type":"subscribe","channel":"agent_status","params":{"__proto__":{"agent_id":"a"}}}';
  expect(parseClientMessage(params)).toEqual({
    ok: true,
    message: { type: 'subscribe', channel: 'agent_status', key: null },
  });
  expect(Object.hasOwn(Object.prototype, 'type')).toBe(false);
});

test('JSON of ten thousand levels gets a plain answer', () => {
  const nested = '['.repeat(10_000) + ']'.repeat(10_000);
  expect(parseClientMessage(nested)).toMatchObject({ reason: 'not_an_object' });
  expect(parseClientMessage(`{"type":"ping","id":${nested}}`)).toMatchObject({ reason: 'id_invalid' });
  expect(parseClientMessage(`{"type":"ping","x":${nested}}`)).toEqual({ ok: true, message: { type: 'ping' } });
  const objects = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
  expect(parseClientMessage(objects)).toMatchObject({ reason: 'type_missing' });
});

test('bytes that are not UTF-8 are not a message', () => {
  expect(parseClientMessage(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toEqual({
    ok: false,
    code: 'invalid_message_format',
  });
});

function isOfTheTables(parsed: ParsedClientMessage): boolean {
  if (parsed.ok) return Object.hasOwn(CLIENT_SCHEMAS, parsed.message.type);
  const known = parsed.reason === undefined || Object.hasOwn(REASONS, parsed.reason);
  return known && ERROR_CODES.includes(parsed.code);
}

/** A value for which the answer is anything else, if one can be found. */
function counterexample<T>(values: fc.Arbitrary<T>, text: (value: T) => string | Uint8Array): unknown {
  const property = fc.property(values, (value) => isOfTheTables(parseClientMessage(text(value))));
  return fc.check(property, { numRuns: 2000 }).counterexample;
}

describe('whatever is sent, the answer is a message or an error of the tables', () => {
  test('any text', () => {
    expect(counterexample(fc.string({ unit: 'binary', maxLength: 500 }), String)).toBeNull();
  });

  test('any bytes', () => {
    expect(counterexample(fc.uint8Array({ maxLength: 500 }), (bytes) => bytes)).toBeNull();
  });

  test('any JSON', () => {
    expect(counterexample(fc.json(), String)).toBeNull();
  });

  test('any values in the known fields', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('market_data', 'alerts', 'agent_status', '700.HK', null));
    const message = fc.record(
      {
        type: fc.oneof(fc.constantFrom(...Object.keys(CLIENT_SCHEMAS)), fc.jsonValue()),
        id: value,
        channel: value,
        symbol: value,
        symbols: fc.oneof(fc.array(value), value),
        params: fc.oneof(fc.record({ agent_id: value, backtest_id: value }, { requiredKeys: [] }), value),
        since: fc.oneof(fc.record({ epoch: value, seq: value }, { requiredKeys: [] }), value),
        timestamp: value,
        token: value,
        seat: value,
      },
      { requiredKeys: [] },
    );
    expect(counterexample(message, (fields) => JSON.stringify(fields))).toBeNull();
  });
});
