import { join } from 'node:path';
import { cleanEnvironment } from '../processes.ts';
import { execute, type CommandOptions } from '../command.ts';
import type { Layout } from './layout.ts';

/** An object of the API, as far as it is looked at here. */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    generation?: number;
    resourceVersion?: string;
    deletionTimestamp?: string;
    [field: string]: unknown;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Kubectl {
  /** For programs that find the cluster by themselves, such as the commands of a page. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs kubectl and resolves with its standard output. @throws {CommandError} when it fails */
  run(args: readonly string[], options?: CommandOptions): Promise<string>;
  /**
   * As `run`, for what changes something: no warning of the API server is passed over.
   *
   * @throws when it fails or warns
   */
  change(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** `kubectl get ... -o json`. */
  get<T = Resource>(args: readonly string[]): Promise<T>;
  /** `kubectl get ... -o json` of several, as a list. */
  list(args: readonly string[]): Promise<Resource[]>;
}

/** kubectl of the cluster's own version, as its administrator. */
export function kubectlOf(layout: Layout): Kubectl {
  const program = join(layout.programs, 'kubectl');
  const environment = cleanEnvironment({
    KUBECONFIG: layout.kubeconfig,
    PATH: `${layout.programs}:${process.env['PATH'] ?? ''}`,
  });
  const call = (args: readonly string[], options: CommandOptions = {}) =>
    execute(program, args, { env: environment, ...options });
  const run: Kubectl['run'] = async (args, options) => (await call(args, options)).stdout;
  const get = async <T>(args: readonly string[]): Promise<T> =>
    JSON.parse(await run(['get', '-o', 'json', ...args])) as T;
  return {
    environment,
    run,
    change: async (args, options) => {
      const { stdout, stderr } = await call(args, options);
      if (/^Warning: /m.test(stderr)) throw new Error(`kubectl ${args.join(' ')} warns:\n${stderr}`);
      return stdout;
    },
    get,
    list: async (args) => (await get<{ items: Resource[] }>(args)).items,
  };
}
