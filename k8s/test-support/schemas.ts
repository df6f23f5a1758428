import { closedSetProblems } from './closed-sets.ts';
import type { KubeObject } from './objects.ts';
import { watchReads } from './unread-fields.ts';

/** The package that holds the validators of an API group; what is built into Kubernetes is in one. */
const PACKAGES: Record<string, string> = {
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'keda.sh': '@kubernetes-models/keda',
};

interface Model {
  prototype: { validate(): void };
}

/**
 * What an API server would refuse in an object by its schema: an unknown apiVersion or kind, unknown fields at any depth, and
 * missing, mistyped or impossible values.
 *
 * @returns each as `/spec/path/to/field: what is wrong`
 */
export async function schemaProblems(object: KubeObject): Promise<string[]> {
  const model = await modelOf(object);
  if (model === undefined) return [`${object.apiVersion} has no kind ${object.kind}`];
  const { watched, unread } = watchReads(Object.assign(Object.create(model.prototype) as object, object));
  const problems = closedSetProblems(object);
  try {
    model.prototype.validate.call(watched);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return [...problems, ...unread().map((path) => `${path}: there is no such field`)];
}

async function modelOf({ apiVersion, kind }: KubeObject): Promise<Model | undefined> {
  const [group = ''] = apiVersion.split('/');
  try {
    const loaded: Record<string, Model> = await import(
      `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`
    );
    return loaded[kind];
  } catch {
    return undefined;
  }
}
