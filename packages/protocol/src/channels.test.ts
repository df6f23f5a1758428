import { expect, test } from '@jest/globals';
import { CHANNELS, isChannel, isNormalKey, keyField, normalKey } from './channels.ts';

test('the four channels are channels, and nothing else is', () => {
  expect(CHANNELS.every(isChannel)).toBe(true);
  for (const other of ['', 'Alerts', 'constructor', '__proto__', null, 4, ['alerts']])
    expect(isChannel(other)).toBe(false);
});

test('each channel but alerts has a field for its key', () => {
  expect(CHANNELS.map(keyField)).toEqual(['symbol', 'agent_id', 'backtest_id', null]);
});

test('symbols are brought to normal form, ids keep their case, alerts has no key', () => {
  expect(normalKey('market_data', '700.hk')).toBe('0700.HK');
  expect(normalKey('agent_status', 'Coordinator')).toBe('Coordinator');
  expect(normalKey('backtest_progress', 'bt_1')).toBe('bt_1');
  expect(normalKey('agent_status', 'a:b')).toBeNull();
  expect(normalKey('alerts', 'x')).toBeNull();
});

test('only the normal form names a stream', () => {
  expect(isNormalKey('market_data', '0700.HK')).toBe(true);
  expect(isNormalKey('market_data', '700.HK')).toBe(false);
  expect(isNormalKey('market_data', null)).toBe(false);
  expect(isNormalKey('alerts', null)).toBe(true);
  expect(isNormalKey('alerts', 'x')).toBe(false);
});
