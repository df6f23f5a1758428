import { closedSetProblems } from './closed-sets.ts';
import { type KubeObject, title } from './objects.ts';
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
 * What an API server would refuse in these objects by their schemas: an unknown apiVersion or kind, unknown fields at any depth,
 * and missing, mistyped or impossible values.
 *
 * @returns each as `Deployment/edge /spec/path/to/field: what is wrong`
 */
export async function schemaProblems(objects: readonly KubeObject[]): Promise<string[]> {
  const problems: string[] = [];
  // One after the other: jest can't load modules that import the same ones at the same time.
  for (const object of objects) {
    const found = await problemsOf(object);
    problems.push(...found.map((problem) => `${title(object)} ${problem}`));
  }
  return problems;
}

async function problemsOf(object: KubeObject): Promise<string[]> {
  const model = await modelOf(object);
  if (model === undefined) return [`${object.apiVersion} has no such kind, or is no stable version`];
  const { watched, unread } = watchReads(Object.assign(Object.create(model.prototype) as object, object));
  const problems = [...closedSetProblems(object)];
  try {
    model.prototype.validate.call(watched);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return [...problems, ...unread().map((path) => `${path}: there is no such field`)];
}

async function modelOf({ apiVersion, kind }: KubeObject): Promise<Model | undefined> {
  const [group = '', version = group] = apiVersion.split('/');
  // The package also has what Kubernetes has long removed, and all of that was alpha or beta.
  if (PACKAGES[group] === undefined && !/^v\d+$/.test(version)) return undefined;
  try {
    const loaded: Record<string, Model> = await import(
      `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`
    );
    return loaded[kind];
  } catch (error) {
    if (/Cannot find module|not defined by "exports"/.test((error as Error).message)) return undefined;
    throw error;
  }
}
