import { expect, test } from '@jest/globals';
import { eventLine, gapLine, readLine } from './line.ts';

const ALERT =
  '"type":"alerts","data":{"level":"info","message":"a\\nb","timestamp":1701234567.891234,"source":"x","n":352.0}}';
const RECEIVED = { receivedAt: 1701234567.5, channel: 'alerts', key: null, epoch: '1701234567891234-9f2c1a' } as const;
const HEAD = '{"received_at":1701234567.5,"channel":"alerts","key":null,"epoch":"1701234567891234-9f2c1a"';

test('the line of an event has its frame as it came, and reading it gives what was published', () => {
  const line = eventLine(RECEIVED, `{"seq":7,"published_at":1.5,"snapshot":true,${ALERT}`);
  expect(line).toBe(`${HEAD},"frame":{"seq":7,"published_at":1.5,"snapshot":true,${ALERT}}`);
  expect(readLine(line)).toEqual({
    receivedAt: 1701234567.5,
    stream: { channel: 'alerts', key: null },
    epoch: '1701234567891234-9f2c1a',
    seq: 7,
    published: `{${ALERT}`,
    isSnapshot: true,
  });
});

test('line breaks between the fields of a frame become spaces: a line is a line', () => {
  const line = eventLine(RECEIVED, `{"seq":7,\r\n  ${ALERT}`);
  expect(line).not.toMatch(/[\r\n]/);
  expect(readLine(line)).toMatchObject({ published: `{    ${ALERT}` });
});

test('what another program has written again is read too', () => {
  const line = `{"frame": { "seq": 7, ${ALERT} , "received_at": 1 , "channel" : "alerts"}`;
  expect(readLine(line)).toMatchObject({ published: `{ ${ALERT}`, epoch: null });
});

test('the line of a gap is no event', () => {
  expect(gapLine(RECEIVED, { from: 1, to: null })).toBe(`${HEAD},"gap":{"from":1,"to":null}}`);
  expect(readLine(gapLine(RECEIVED, { from: 1, to: null }))).toBeNull();
});

const QUOTE = '{"type":"market_data","symbol":"0700.HK","data":{"timestamp":1,"price":352.0,"volume":1}}';

test.each([
  ['[]', /it is no JSON object/],
  ['{"channel":"alerts","frame":{}}', /received_at must be a number/],
  ['{"received_at":1,"channel":"x","frame":{}}', /channel is none of the four/],
  ['{"received_at":1,"channel":"alerts"}', /neither a frame nor a gap/],
  ['{"received_at":1,"channel":"market_data","key":"a b","frame":{}}', /key is none of market_data/],
  [`{"received_at":1,"channel":"market_data","key":"0005.HK","frame":${QUOTE}}`, /of 0700\.HK, not of 0005\.HK/],
  ['{"received_at":1,"channel":"alerts","frame":{"type":"alerts"}}', /can't be published: .*data/],
])('%s is refused', (line, complaint) => {
  expect(() => readLine(line)).toThrow(complaint);
});
