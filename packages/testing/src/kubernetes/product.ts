import type { Kubectl } from './kubectl.ts';

/** Where the overlays put everything. */
export const NAMESPACE = 'tickcast';

export const EDGES = 'app.kubernetes.io/name=edge';

interface Endpoint {
  targetRef?: { name: string };
  conditions: { ready?: boolean };
}

/** The names of the edges' pods that their Service sends newcomers to. */
export async function servingEdges(kubectl: Kubectl): Promise<string[]> {
  const slices = await kubectl.list(['-n', NAMESPACE, 'endpointslices', '-l', 'kubernetes.io/service-name=edge']);
  const endpoints = slices.flatMap((slice) => (slice['endpoints'] ?? []) as Endpoint[]);
  return endpoints
    .filter(({ conditions }) => conditions.ready === true)
    .map(({ targetRef }) => targetRef?.name ?? '')
    .toSorted();
}

/** The answer of an edge's `/connz`, fetched by the API server as neither its Service nor a policy lets others in. */
export function readConnz(kubectl: Kubectl, pod: string): Promise<string> {
  return kubectl.run(['get', '--raw', `/api/v1/namespaces/${NAMESPACE}/pods/${pod}:9001/proxy/connz`]);
}

/** Waits until all is gone: edges without clients go at once. */
export async function removeNamespace(kubectl: Kubectl): Promise<void> {
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--timeout=90s'], { withinMs: 120_000 });
}
