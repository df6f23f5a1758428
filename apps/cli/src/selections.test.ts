import { expect, test } from '@jest/globals';
import { UsageError } from './failures.ts';
import { readSelections } from './selections.ts';

test('without anything named it is all that needs no key', () => {
  expect(readSelections([])).toEqual([
    { channel: 'alerts', keys: null },
    { channel: 'agent_status', keys: null },
    { channel: 'backtest_progress', keys: null },
  ]);
});

test('keys are put together by channel, in normal form, and all of a channel has each of them', () => {
  const texts = ['market_data:700.hk', 'agent_status:a', 'market_data:HK.00005', 'agent_status', 'agent_status:b'];
  expect(readSelections(texts)).toEqual([
    { channel: 'market_data', keys: ['0700.HK', '0005.HK'] },
    { channel: 'agent_status', keys: null },
  ]);
});

test.each([
  ['market_data', /needs a symbol: market_data:0700\.HK/],
  ['alerts:x', /takes no KEY/],
  ['quotes:0700.HK', /CHANNEL must be one of/],
  ['agent_status:a b', /can't be an agent_id/],
])('%s is refused', (text, complaint) => {
  expect(() => readSelections([text])).toThrow(complaint);
  expect(() => readSelections([text])).toThrow(UsageError);
});
