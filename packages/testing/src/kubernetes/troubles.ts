import { readFileSync } from 'node:fs';
import { eventually } from '../eventually.ts';
import { expectThat } from '../rollout/promises.ts';
import type { Kubectl } from './kubectl.ts';
import { NAMESPACE, servingEdges } from './product.ts';
import { say } from './steps.ts';

interface Trouble {
  /** As the page's table has it under "what one sees". */
  row: string;
  /** What a person did, as arguments of kubectl. */
  cause: readonly string[];
  /** Where it is seen, as arguments of kubectl, and what. */
  look: readonly string[];
  seen: RegExp;
}

const POD_OF_EDGE = ['get', 'pods', '-l', 'app.kubernetes.io/name=edge'];
const NO_SUCH_SECRET = {
  name: 'TICKCAST_REDIS_URL',
  valueFrom: { secretKeyRef: { name: 'no-such-secret', key: 'url' } },
};
const NEW_POD = ['logs', '-l', 'app.kubernetes.io/name=edge', '--tail=20', '--ignore-errors'];

/** Each is done to a Deployment `edge` that works, and undone. */
const TROUBLES: readonly Trouble[] = [
  {
    row: '`CreateContainerConfigError`',
    cause: patch({ env: [NO_SUCH_SECRET] }),
    look: POD_OF_EDGE,
    seen: /CreateContainerConfigError/,
  },
  {
    row: '`CreateContainerConfigError`',
    cause: patch({ env: [NO_SUCH_SECRET] }),
    look: ['describe', 'pod', '-l', 'app.kubernetes.io/name=edge'],
    seen: /secret "no-such-secret" not found/,
  },
  {
    row: 'an edge exits with code 2',
    cause: ['set', 'env', 'deployment/edge', 'TICKCAST_PORT=nonsense', 'TICKCAST_DRAIN_SECONDS=never'],
    look: NEW_POD,
    seen: /TICKCAST_DRAIN_SECONDS[\s\S]*TICKCAST_PORT|TICKCAST_PORT[\s\S]*TICKCAST_DRAIN_SECONDS/,
  },
  {
    row: 'an edge exits with code 2',
    cause: ['set', 'env', 'deployment/edge', 'TICKCAST_PORT=nonsense'],
    look: [...POD_OF_EDGE, '-o', 'jsonpath={.items[*].status.containerStatuses[*].state..exitCode}'],
    seen: /\b2\b/,
  },
  {
    row: 'violates PodSecurity "restricted:',
    cause: patch({ securityContext: { allowPrivilegeEscalation: true } }),
    look: ['events', '--types=Warning'],
    seen: /violates PodSecurity "restricted:/,
  },
  {
    row: 'a pod stays `Pending`',
    cause: patch({ resources: { requests: { cpu: '100' } } }),
    look: ['describe', 'pod', '-l', 'app.kubernetes.io/name=edge'],
    seen: /Insufficient cpu/,
  },
  {
    row: '`Redis is out of reach`',
    cause: patch({ env: [{ name: 'TICKCAST_REDIS_URL', value: 'redis://192.0.2.10:6379', valueFrom: null }] }),
    look: NEW_POD,
    seen: /Redis is out of reach/,
  },
];

/**
 * Makes the mistakes of the page's table "What breaks", and sees what it says one sees, while the old edges go on.
 *
 * @param page its path
 */
export async function tryTroubles(kubectl: Kubectl, page: string): Promise<void> {
  const text = readFileSync(page, 'utf8');
  const inNamespace = (args: readonly string[]): Promise<string> => kubectl.run(['-n', NAMESPACE, ...args]);
  const before = await servingEdges(kubectl);
  for (const { row, cause, look, seen } of TROUBLES) {
    expectThat(text.includes(row), `the page has a row on ${row}`, 'none');
    await inNamespace(cause);
    await eventually(
      async () => {
        const output = await inNamespace(look);
        expectThat(seen.test(output), `one sees ${seen}`, output);
      },
      { withinMs: 60_000 },
    );
    const ready = await servingEdges(kubectl);
    expectThat(ready.join() === before.join(), 'the old edges go on', ready.join());
    await inNamespace(['rollout', 'undo', 'deployment/edge']);
    await inNamespace(['rollout', 'status', 'deployment/edge', '--timeout=60s']);
    say(`${row}: so it is, and the old edges go on meanwhile`);
  }
}

/** What `kubectl edit` would do to the container. */
function patch(fields: object): string[] {
  const containers = [{ name: 'edge', ...fields }];
  return ['patch', 'deployment/edge', '--patch', JSON.stringify({ spec: { template: { spec: { containers } } } })];
}
