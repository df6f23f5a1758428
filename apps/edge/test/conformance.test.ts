/** Every case of packages/protocol/conformance through a real socket, run as the README beside the cases says. */
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Frame, type TestClient, connectClient, eventually, mintToken } from '@tickcast/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

interface Case {
  name: string;
  seated?: false;
  query?: string;
  send?: unknown;
  send_text?: string;
  send_base64?: string;
  send_repeat?: { char: string; count: number };
  expect?: Record<string, unknown>[];
  none?: true;
  close?: number;
}

interface Outcome {
  frames: Frame[];
  /** null: still open. */
  close: number | null;
}

/** The README's time of waiting before deciding that nothing more comes. */
const QUIET_MS = 500;
/** Cases under way at once: each is mostly waiting. */
const AT_ONCE = 20;

const folder = new URL('../../../packages/protocol/conformance/', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, cases: JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Case[] }));

const outcomes = new Map<Case, Outcome>();

beforeAll(async () => {
  const world = await startSingleEdge();
  const waiting = files.flatMap(({ cases }) => cases);
  const work = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) outcomes.set(one, await run(one, world));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
});

async function run(one: Case, { edge }: SingleEdge): Promise<Outcome> {
  const token = await mintToken({ sub: freshSub() });
  const query = Object.fromEntries(new URLSearchParams(one.query));
  const client = await connectClient(edge.url, { query, ...(one.seated === false ? {} : { token }) });
  for (const message of messagesOf(one, token)) client.send(message);
  if (one.close !== undefined) {
    const { code } = await client.closed;
    return { frames: framesOf(client), close: code };
  }
  const count = one.expect?.length ?? 0;
  // A missing frame is told by the comparison, which says more than a timeout.
  await eventually(() => client.frames.length >= count).catch(() => undefined);
  const stayedOpen = await Promise.race([client.closed, sleep(QUIET_MS)]);
  const outcome = { frames: framesOf(client), close: stayedOpen?.code ?? null };
  await client.terminate();
  return outcome;
}

function messagesOf(one: Case, token: string): Array<string | Buffer> {
  if (one.send_text !== undefined) return [one.send_text];
  if (one.send_base64 !== undefined) return [Buffer.from(one.send_base64, 'base64')];
  if (one.send_repeat) return [one.send_repeat.char.repeat(one.send_repeat.count)];
  const messages: unknown[] = Array.isArray(one.send) ? one.send : [one.send];
  const withToken = (_key: string, value: unknown) => (value === '$TOKEN' ? token : value);
  return messages.map((message) => JSON.stringify(message, withToken));
}

const framesOf = (client: TestClient) => client.frames.map(({ frame }) => frame);

/** The README's rule: every listed field is there, objects may have more, arrays may not. */
function matches(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) && actual.length === wanted.length && wanted.every((item, i) => matches(actual[i], item))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return Object.is(actual, wanted);
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.entries(wanted).every(
    ([field, value]) => Object.hasOwn(actual, field) && matches((actual as Record<string, unknown>)[field], value),
  );
}

/** Takes each wanted frame out of those received; what is left over on either side is wrong. */
function compare({ frames }: Outcome, wanted: Record<string, unknown>[]): { missing: unknown[]; added: unknown[] } {
  const added = [...frames];
  const missing = wanted.filter((frame) => {
    const index = added.findIndex((candidate) => matches(candidate, frame));
    if (index >= 0) added.splice(index, 1);
    return index < 0;
  });
  return { missing, added };
}

describe.each(files)('$name', ({ cases }) => {
  test.each(cases)('$name', (one) => {
    const outcome = outcomes.get(one);
    if (!outcome) throw new Error('the case was not run');
    expect({ ...compare(outcome, one.expect ?? []), close: outcome.close }).toEqual({
      missing: [],
      added: [],
      close: one.close ?? null,
    });
  });
});
