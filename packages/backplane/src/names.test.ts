import { expect, test } from '@jest/globals';
import { CHANNELS } from '@tickcast/protocol';
import { createNames } from './names.ts';

const names = createNames();

test('the names are those that publishers are told', () => {
  expect(names.streamKey({ channel: 'market_data', key: '0700.HK' })).toBe('tickcast:{market_data:0700.HK}');
  expect(names.streamKey({ channel: 'agent_status', key: 'coordinator' })).toBe('tickcast:{agent_status}:coordinator');
  expect(names.streamKey({ channel: 'backtest_progress', key: 'bt_1' })).toBe('tickcast:{backtest_progress}:bt_1');
  expect(names.streamKey({ channel: 'alerts', key: null })).toBe('tickcast:{alerts}');
  expect(names.logKey()).toBe('tickcast:{alerts}:log');
  expect(names.leaseKey('market')).toBe('tickcast:{lease:market}');
  expect(names.indexKey('agent_status')).toBe('tickcast:{agent_status}');
  expect(names.seats.takenChannel).toBe('tickcast:{seats}');
});

test('the Pub/Sub channel is the name up to and including the closing brace', () => {
  for (const channel of CHANNELS) {
    const key = channel === 'alerts' ? null : 'A-1';
    const name = names.streamKey({ channel, key });
    expect(names.pubsubChannel(channel, key)).toBe(name.slice(0, name.indexOf('}') + 1));
  }
});

test('agents and backtests without a key are opened by their list, anything else by its own key', () => {
  expect(names.openableKey({ channel: 'agent_status', key: null })).toBe(names.indexKey('agent_status'));
  for (const id of [{ channel: 'agent_status', key: 'a' } as const, { channel: 'alerts', key: null } as const]) {
    expect(names.openableKey(id)).toBe(names.streamKey(id));
  }
  expect(() => names.openableKey({ channel: 'market_data', key: null })).toThrow(RangeError);
  expect(() => names.indexKey('alerts')).toThrow(RangeError);
});

test('the colon at the end of a prefix may be left out', () => {
  expect(createNames('a').logKey()).toBe(createNames('a:').logKey());
});

test.each(['', '{a}:', 'a}', 'a b'])('the prefix %p is refused', (prefix) => {
  expect(() => createNames(prefix)).toThrow(RangeError);
});

test('a key that is not in normal form has no stream', () => {
  expect(() => names.streamKey({ channel: 'market_data', key: '700.HK' })).toThrow(RangeError);
  expect(() => names.streamKey({ channel: 'market_data', key: null })).toThrow(RangeError);
  expect(() => names.streamKey({ channel: 'agent_status', key: 'a:b' })).toThrow(RangeError);
});

test.each(['', 'a:b', 'a b', '{a}', 'x'.repeat(65)])('no lease has the name %p', (name) => {
  expect(() => names.leaseKey(name)).toThrow(RangeError);
});
