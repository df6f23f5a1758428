import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, Overlay } from './objects.ts';
import { MANIFESTS, overlayFolders } from './tree.ts';

const run = promisify(execFile);

/** What `npm test` found or built; without it, whichever is on the PATH. */
const PROGRAMS = [process.env['TICKCAST_TEST_KUSTOMIZE'] ?? ['kubectl', 'kustomize']].flat();

/** Renders every overlay in a copy of the tree, with secrets made as k8s/README.md tells a newcomer to make them. */
export async function renderOverlays(): Promise<Overlay[]> {
  const copy = mkdtempSync(join(tmpdir(), 'tickcast-k8s-'));
  try {
    const isSecret = (path: string): boolean => basename(path) === 'secrets';
    cpSync(MANIFESTS, copy, { recursive: true, filter: (path) => !isSecret(path) });
    await run('sh', [join(copy, 'overlays/local/make-secrets.sh')]);
    return await Promise.all(
      overlayFolders().map(async (folder) => ({ name: basename(folder), objects: await render(join(copy, folder)) })),
    );
  } finally {
    rmSync(copy, { recursive: true });
  }
}

async function render(folder: string): Promise<KubeObject[]> {
  for (const program of PROGRAMS) {
    const command = basename(program) === 'kustomize' ? 'build' : 'kustomize';
    try {
      const { stdout } = await run(program, [command, folder], { maxBuffer: 16 * 2 ** 20 });
      return [...parseAllDocuments(stdout, { strict: true })].map((document) =>
        unfolded(document.toJS() as KubeObject),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`there is no ${PROGRAMS.join(', nor ')}: install one, or run \`npm test\`, which builds one with Go`);
}

/** kustomize breaks long base64 into lines; an API server reads over the breaks, the schema's check of base64 does not. */
function unfolded(object: KubeObject): KubeObject {
  if (object.kind !== 'Secret' || !('data' in object)) return object;
  const data = Object.entries(object.data as Record<string, string>);
  return {
    ...object,
    data: Object.fromEntries(data.map(([key, value]) => [key, value.replaceAll('\n', '')])),
  } as KubeObject;
}
