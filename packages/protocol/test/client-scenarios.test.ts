/** The scenarios are well formed; the SDKs' own tests run them. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type ClientScenario, ClientScenarios } from '../src/schemas/client-scenario.ts';

const folder = new URL('../conformance/clients/scenarios/', import.meta.url);
const files = readdirSync(folder).map(
  (name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as ClientScenario[]] as const,
);

test.each(files)('%s is as the schema says', (_, list) => {
  // One error a step that fits nothing would drown in those of all other kinds of steps.
  const valid = new Ajv2020({ strict: false }).compile(ClientScenarios);
  const errors = valid(list) ? [] : (valid.errors ?? []).filter(({ keyword }) => keyword !== 'const');
  expect(errors).toEqual([]);
});

const scenarios = files.flatMap(([, list]) => list);

test('each scenario has a name of its own', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
});

test.each(scenarios.map((one) => [one.name, one] as const))('subscriptions are named once, and known: %s', (_, one) => {
  const names = one.steps.flatMap((step) => (step.do === 'subscribe' ? [step.name] : []));
  expect(new Set(names).size).toBe(names.length);
  const { events = {}, ended = {} } = one.end;
  const meant = [...Object.keys(events), ...Object.keys(ended)];
  const used = one.steps.flatMap((step) => (step.do === 'handle' || step.do === 'unsubscribe' ? [step.name] : []));
  expect(names).toEqual(expect.arrayContaining([...meant, ...used]));
});
