import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { errorFrame } from '../src/errors.ts';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import { parseClientMessage } from '../src/client-messages.ts';
import { CATALOGUE } from '../src/schemas/catalogue.ts';
import { CLIENT_SCHEMAS } from '../src/schemas/client.ts';
import { type ConformanceCase, ConformanceCases } from '../src/schemas/conformance.ts';

const folder = new URL('../conformance/', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as ConformanceCase[]] as const);
const cases = files.flatMap(([, list]) => list);

/** The text frames that a case sends. */
function texts({ send, send_text, send_repeat }: ConformanceCase): string[] {
  if (send_text !== undefined) return [send_text];
  if (send_repeat !== undefined) return [send_repeat.char.repeat(send_repeat.count)];
  if (send === undefined) return [];
  return (Array.isArray(send) ? send : [send]).map((message) => JSON.stringify(message));
}

function frames({ expect: expected = [] }: ConformanceCase): readonly Record<string, unknown>[] {
  return expected;
}

/** What the stateless part of a server answers: the errors of messages that are refused as they stand. */
function statelessErrors(of: ConformanceCase): unknown[] {
  const lang = of.query === 'lang=en' ? 'en' : 'zh';
  return texts(of).flatMap((text): unknown[] => {
    if (Buffer.byteLength(text) > DEFAULT_LIMITS.message_bytes) {
      const params = { limit: DEFAULT_LIMITS.message_bytes };
      return [JSON.parse(errorFrame('message_too_large', { lang, params }))];
    }
    const parsed = parseClientMessage(text);
    return parsed.ok ? [] : [JSON.parse(errorFrame(parsed.code, { lang, ...parsed }))];
  });
}

describe('the cases are well formed', () => {
  test.each(files)('%s', (_, list) => {
    const valid = new Ajv2020().compile(ConformanceCases);
    expect({ valid: valid(list), errors: valid.errors }).toEqual({ valid: true, errors: null });
  });

  test('each has a name of its own, sends one way, and says what comes', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    for (const one of cases) {
      const ways = Object.keys(one).filter((key) => key.startsWith('send'));
      const outcomes = Object.keys(one).filter((key) => key === 'expect' || key === 'none');
      expect({ name: one.name, ways: ways.length, outcomes: outcomes.length }).toEqual({
        name: one.name,
        ways: 1,
        outcomes: 1,
      });
    }
  });

  test('every type of client message is sent and every expected frame is of a known type', () => {
    const sent = cases.flatMap(texts).map((text) => parseClientMessage(text));
    const types = new Set(sent.flatMap((parsed) => (parsed.ok ? [parsed.message.type] : [])));
    expect([...types].toSorted()).toEqual(Object.keys(CLIENT_SCHEMAS).toSorted());
    for (const frame of cases.flatMap(frames)) expect([...CATALOGUE.keys()]).toContain(frame['type']);
  });
});

// Before a seat is taken, and for limits that count, the answer depends on more than the message.
const seated = cases.filter(({ seated: isSeated }) => isSeated === undefined);

test.each(seated.map((one) => [one.name, one] as const))('the answer of the parser to: %s', (_, one) => {
  const stateful = new Set<unknown>(['subscription_limit_exceeded']);
  const expected = frames(one).filter((frame) => frame['type'] === 'error' && !stateful.has(frame['error']));
  expect(statelessErrors(one)).toEqual(expected);
});
