import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { normalKey } from './symbols.ts';

const cases = JSON.parse(
  readFileSync(new URL('../../protocol/conformance/clients/symbols.json', import.meta.url), 'utf8'),
) as Array<{ symbol: string; key: string | null }>;

test.each(cases)('the symbol $symbol is $key', ({ symbol, key }) => {
  expect(normalKey('market_data', symbol)).toBe(key);
});

test('ids of agents and backtests keep their case', () => {
  expect(normalKey('agent_status', 'Coordinator')).toBe('Coordinator');
  expect(normalKey('backtest_progress', 'bt 1')).toBeNull();
});
