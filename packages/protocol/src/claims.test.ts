import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { CHANNELS } from './channels.ts';
import { parseChannelsClaim } from './claims.ts';
import { ChannelsClaim } from './schemas/claim.ts';

function claim(...entries: string[]) {
  const parsed = parseChannelsClaim(entries);
  if (parsed === null) throw new Error(`malformed: ${entries.join()}`);
  return parsed;
}

test('a token without the claim allows everything', () => {
  const all = parseChannelsClaim(undefined);
  for (const channel of CHANNELS) {
    expect(all?.keysFor(channel)).toBe('*');
    expect(all?.allows(channel, null)).toBe(true);
  }
  expect(all?.allows('market_data', '0700.HK')).toBe(true);
});

test('an empty claim allows nothing', () => {
  for (const channel of CHANNELS) {
    expect(claim().keysFor(channel)).toEqual(new Set());
    expect(claim().allows(channel, null)).toBe(false);
    expect(claim().allows(channel, 'x')).toBe(false);
  }
});

test.each([['agent_status'], ['agent_status:*']])('%s allows all of its channel and nothing of another', (entry) => {
  expect(claim(entry).keysFor('agent_status')).toBe('*');
  expect(claim(entry).allows('agent_status', 'any')).toBe(true);
  expect(claim(entry).allows('backtest_progress', 'any')).toBe(false);
  expect(claim(entry).allows('alerts', null)).toBe(false);
});

test.each([['*'], ['*:*']])('%s allows everything', (entry) => {
  for (const channel of CHANNELS) expect(claim(entry).keysFor(channel)).toBe('*');
});

test('keys are brought to normal form', () => {
  expect(claim('market_data:700.hk', 'market_data:HK.09988').keysFor('market_data')).toEqual(
    new Set(['0700.HK', '9988.HK']),
  );
  expect(claim('agent_status:Coordinator').allows('agent_status', 'coordinator')).toBe(false);
});

test('a key of any channel is brought to the normal form of each', () => {
  const some = claim('*:700.hk');
  expect(some.allows('market_data', '0700.HK')).toBe(true);
  expect(some.allows('agent_status', '700.hk')).toBe(true);
  expect(some.allows('agent_status', '0700.HK')).toBe(false);
  expect(some.allows('alerts', null)).toBe(false);
});

test('a claim for some keys allows a subscription without a key', () => {
  expect(claim('agent_status:a').allows('agent_status', null)).toBe(true);
  expect(claim('agent_status:a').allows('agent_status', 'b')).toBe(false);
});

test('all keys stay allowed whatever else is listed', () => {
  expect(claim('agent_status', 'agent_status:a').keysFor('agent_status')).toBe('*');
  expect(claim('agent_status:a', 'agent_status').keysFor('agent_status')).toBe('*');
});

describe('a malformed claim is refused', () => {
  test.each([
    ['a string', 'alerts'],
    ['null', null],
    ['an object', { 0: 'alerts', length: 1 }],
    ['an unknown channel', ['orders']],
    ['part of a name with *', ['agent*']],
    ['part of a key with *', ['agent_status:a*']],
    ['an empty entry', ['']],
    ['an empty key', ['agent_status:']],
    ['a key of alerts', ['alerts:x']],
    ['a key with a colon', ['agent_status:a:b']],
    ['a number', [5]],
    ['a hole', Array.of(undefined)],
    ['the name of an inherited member', ['constructor']],
    ['over 1000 entries', Array.from({ length: 1001 }, () => 'alerts')],
  ])('%s', (_, value) => {
    expect(parseChannelsClaim(value)).toBeNull();
  });
});

test('the published schema accepts what is accepted here', () => {
  const valid = new Ajv2020().compile(ChannelsClaim);
  const part = fc.oneof(fc.constantFrom(...CHANNELS, '*', '', 'a*', '700.HK'), fc.string());
  const entry = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(':'));
  fc.assert(
    fc.property(fc.array(fc.oneof(entry, fc.jsonValue()), { maxLength: 3 }), (value) => {
      expect(parseChannelsClaim(value) !== null).toBe(valid(value));
    }),
    { numRuns: 2000 },
  );
});
