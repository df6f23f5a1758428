import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { CHANNELS } from './channels.ts';
import { checkPublishedFrame } from './published-frames.ts';
import { PUBLISHED_SCHEMAS, SERVER_FIELDS } from './schemas/push.ts';

const quote = {
  type: 'market_data',
  symbol: '0700.HK',
  data: { timestamp: 1701234567.89, price: 352, volume: 1000000 },
};

function checkQuote(changes: Record<string, unknown>, data: Record<string, unknown> = {}) {
  return checkPublishedFrame(
    'market_data',
    Buffer.from(JSON.stringify({ ...quote, data: { ...quote.data, ...data }, ...changes })),
  );
}

function checkStatus(status: string) {
  const data = { status, cpu_usage: 0, memory_usage: 0, task_queue_size: 0, last_update: 0 };
  return checkPublishedFrame(
    'agent_status',
    Buffer.from(JSON.stringify({ type: 'agent_status', agent_id: 'a', data })),
  );
}

function checkQuoteOf(bytes: number) {
  return checkPublishedFrame('market_data', Buffer.from(JSON.stringify(quote).padEnd(bytes)));
}

test('the documented frame of every channel is good', () => {
  const checked = CHANNELS.map((channel) => {
    const { examples } = PUBLISHED_SCHEMAS[channel] as unknown as { examples: unknown[] };
    return checkPublishedFrame(channel, Buffer.from(JSON.stringify(examples[0])));
  });
  expect(checked).toEqual([
    { key: '0700.HK', status: null },
    { key: 'coordinator', status: 'running' },
    { key: 'bt_123456', status: null },
    { key: null, status: null },
  ]);
});

test('the status of a backtest is told where it has one', () => {
  const data = { progress: 1, current_date: '', total_days: 1, completed_days: 1, estimated_remaining: 0 };
  const frame = { type: 'backtest_progress', backtest_id: 'b', data: { ...data, status: 'completed' } };
  expect(checkPublishedFrame('backtest_progress', Buffer.from(JSON.stringify(frame)))).toEqual({
    key: 'b',
    status: 'completed',
  });
});

test('fields that are not known are left alone', () => {
  expect(checkQuote({ exchange: 'SEHK' }, { turnover: 3.5e8, bids: [[351.8, 100]] })).toEqual({
    key: '0700.HK',
    status: null,
  });
});

describe('a bad frame is refused with what is wrong', () => {
  test.each(SERVER_FIELDS.map((field) => [field]))('a frame with %s', (field) => {
    expect(checkQuote({ [field]: 1 })).toEqual({ problem: 'the frame has a field that only the server adds' });
  });

  test.each([
    ['another type', checkQuote({ type: 'alerts' }), 'type must be equal to constant'],
    ['a symbol that is not in normal form', checkQuote({ symbol: '700.HK' }), 'the key is not in normal form'],
    ['no symbol', checkQuote({ symbol: undefined }), "the frame must have required property 'symbol'"],
    ['no data', checkQuote({ data: null }), 'data must be object'],
    ['no price', checkQuote({}, { price: undefined }), "data must have required property 'price'"],
    ['a price in quotes', checkQuote({}, { price: '352' }), 'data.price must be number'],
    ['an open that is null', checkQuote({}, { open: null }), 'data.open must be number'],
  ])('%s', (_, checked, problem) => {
    expect(checked).toEqual({ problem });
  });

  test.each([
    ['an infinite price', Buffer.from(JSON.stringify(quote).replace('352', '1e999')), 'data.price must be number'],
    ['not JSON', Buffer.from('{'), 'the frame is not JSON in UTF-8'],
    ['an array', Buffer.from('[]'), 'the frame must be object'],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the frame is not JSON in UTF-8'],
    ['a byte order mark', Buffer.from(`\ufeff${JSON.stringify(quote)}`), 'the frame is not JSON in UTF-8'],
  ])('%s', (_, bytes, problem) => {
    expect(checkPublishedFrame('market_data', bytes)).toEqual({ problem });
  });

  test('a status is 1 to 64 characters, counted as code points', () => {
    expect(checkStatus('😀'.repeat(64))).toHaveProperty('key', 'a');
    expect(checkStatus('a'.repeat(65))).toHaveProperty('problem');
    expect(checkStatus('')).toHaveProperty('problem');
  });

  test('a frame may have 64 KiB and not a byte more', () => {
    expect(checkQuoteOf(65_536)).toHaveProperty('key', '0700.HK');
    expect(checkQuoteOf(65_537)).toEqual({ problem: 'the frame is over 65536 bytes' });
  });
});

describe('a frame may be nested 64 levels deep and not one more', () => {
  const deep = (open: string, close: string, levels: number) => `${open.repeat(levels)}1${close.repeat(levels)}`;
  /** The frame and its data are two of the levels. */
  const checkNested = (value: string) =>
    checkPublishedFrame('market_data', Buffer.from(JSON.stringify(quote).replace('352', `352,"more":${value}`)));

  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('of %s', (_, open, close) => {
    expect(checkNested(deep(open, close, 62))).toHaveProperty('key', '0700.HK');
    expect(checkNested(deep(open, close, 63))).toEqual({ problem: 'the frame is over 64 levels deep' });
  });

  test('brackets in texts are no levels', () => {
    for (const text of ['[{'.repeat(100), '"'.repeat(3) + '['.repeat(100), '\\"['.repeat(100)]) {
      expect(checkNested(JSON.stringify(text))).toHaveProperty('key', '0700.HK');
      expect(checkNested(deep('[', ']', 62).replace('1', JSON.stringify(text)))).toHaveProperty('key', '0700.HK');
    }
  });
});

test('no bytes make the check throw', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...CHANNELS), bytes, (channel, frame) => {
      expect(checkPublishedFrame(channel, frame)).toHaveProperty('problem');
    }),
    { numRuns: 1000 },
  );
  for (const open of ['[', '{"a":']) {
    expect(checkPublishedFrame('alerts', Buffer.from(open.repeat(10_000)))).toHaveProperty('problem');
  }
});
