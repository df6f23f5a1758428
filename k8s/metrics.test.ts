/** The metrics that autoscalers and the page go by are those that real edges and workers have. */
import { expect, test } from '@jest/globals';
import { startEdge, startRedis } from '@tickcast/testing';
import { type Autoscaler, autoscalers } from './test-support/autoscalers.ts';
import { quantity } from './test-support/policies/policy.ts';
import { readmeCode } from './test-support/readme.ts';
import { renderOverlays } from './test-support/render.ts';
import { readYaml } from './test-support/tree.ts';

interface AdapterRule {
  seriesQuery: string;
  name: { as: string };
  metricsQuery: string;
}

const overlays = await renderOverlays();
const all = overlays.flatMap(autoscalers);
const [adapter] = readYaml('components/hpa/prometheus-adapter-values.yaml') as [{ rules: { custom: AdapterRule[] } }];
const rules = adapter.rules.custom;

/** The type of each metric of a real edge, by its name. */
async function metricsOfAnEdge(): Promise<Map<string, string>> {
  const redis = await startRedis();
  const edge = await startEdge({ redisUrl: redis.url });
  const { body } = await edge.admin('/metrics');
  await edge.stop();
  await redis.stop();
  return new Map([...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));
}

const metrics = await metricsOfAnEdge();

/** The metrics of ours in an expression of Prometheus. */
function named(expression: string): string[] {
  return expression.match(/\btickcast_\w+/g) ?? [];
}

/** What must be true of an expression for it to say something. */
function problemsOf(expression: string): string[] {
  const names = named(expression);
  const unknown = names.filter((name) => !metrics.has(name)).map((name) => `${name} is no metric of an edge`);
  const raw = names.filter((name) => metrics.get(name) === 'counter' && !/\b(rate|increase)\(/.test(expression));
  return [
    ...unknown,
    ...raw.map((name) => `${name} only ever rises: a rate of it is meant`),
    ...(names.length ? [] : ['nothing']),
  ];
}

const ofHpa = all.filter(({ title }) => title.startsWith('HorizontalPodAutoscaler'));
const ofKeda = all.filter(({ title }) => title.startsWith('ScaledObject'));

test('what a HorizontalPodAutoscaler asks for is what the rules for prometheus-adapter make, and they make nothing else', () => {
  const made = rules.map(({ name }) => name.as).toSorted();
  expect(ofHpa.length).toBeGreaterThan(0);
  for (const { asksFor } of ofHpa) expect(asksFor.map(({ metric }) => metric).toSorted()).toEqual(made);
});

test('the rules for prometheus-adapter go by metrics that edges have, counters by their rate', () => {
  for (const { seriesQuery, metricsQuery } of rules) {
    expect(problemsOf(metricsQuery.replaceAll('<<.Series>>', named(seriesQuery).join()))).toEqual([]);
  }
});

test("KEDA's queries go by metrics that edges have, counters by their rate, of the namespace that is deployed to", () => {
  const queries = ofKeda.flatMap(({ asksFor }) => asksFor.map(({ metric }) => metric));
  expect(queries.length).toBeGreaterThan(0);
  expect(queries.flatMap(problemsOf)).toEqual([]);
  expect(queries.filter((query) => !query.includes('namespace="tickcast"'))).toEqual([]);
});

test('KEDA and the HorizontalPodAutoscaler aim at the same', () => {
  const [ours, ...others] = [...ofHpa, ...ofKeda].map((one: Autoscaler) => ({
    min: one.min,
    max: one.max,
    behavior: one.behavior,
    perPod: one.asksFor.map(({ perPod }) => quantity(perPod)),
  }));
  expect(others.length).toBeGreaterThan(0);
  for (const other of others) expect(other).toEqual(ours);
});

test('the expressions that k8s/README.md says are worth an alert go by metrics that edges have', () => {
  const expressions = readmeCode().filter((code) => /\btickcast_\w+.*[<>=]=? ?\d/.test(code));
  expect(expressions.length).toBeGreaterThan(2);
  expect(expressions.flatMap(problemsOf)).toEqual([]);
});

test('a misspelt metric, or a counter without its rate, is found', () => {
  expect(problemsOf('sum(tickcast_connection)')).not.toEqual([]);
  expect(problemsOf('sum(tickcast_egress_bytes_total)')).not.toEqual([]);
  expect(problemsOf('sum(up)')).not.toEqual([]);
});
