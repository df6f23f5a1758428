import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** The repository's top folder. */
export const ROOT = join(import.meta.dirname, '../..');
export const MANIFESTS = join(ROOT, 'k8s');

/** What of a kustomization.yaml names other files. */
interface Kustomization {
  kind?: string;
  resources?: string[];
  components?: string[];
  patches?: { path?: string }[];
  replacements?: { path?: string }[];
  configurations?: string[];
  configMapGenerator?: Generator[];
  secretGenerator?: Generator[];
}

interface Generator {
  name: string;
  files?: string[];
  envs?: string[];
}

/** Every file under a folder, as paths from k8s/ on: `base/edge/deployment.yaml`. */
export function filesUnder(folder: string): string[] {
  return readdirSync(join(MANIFESTS, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(MANIFESTS, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** A file's documents. @throws Error for what is no strict YAML, such as a key that stands twice */
export function readYaml(path: string): unknown[] {
  const documents = parseAllDocuments(readFileSync(join(MANIFESTS, path), 'utf8'), { strict: true, uniqueKeys: true });
  return [...documents].map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw new Error(`k8s/${path}: ${problem.message}`);
    return document.toJS() as unknown;
  });
}

function readKustomization(folder: string): Kustomization {
  return readYaml(`${folder}/kustomization.yaml`)[0] as Kustomization;
}

/** Folders with a kustomization.yaml, of the kind that one applies or builds upon, or of components. */
export function kustomizations(): string[] {
  return filesUnder('.')
    .filter((path) => path.endsWith('/kustomization.yaml'))
    .map((path) => path.slice(0, -'/kustomization.yaml'.length));
}

/** What a cluster is given: the folders of k8s/overlays. */
export function overlayFolders(): string[] {
  return kustomizations().filter((folder) => folder.startsWith('overlays/'));
}

/** The files and folders that a kustomization names, from k8s/ on. */
export function referencesOf(folder: string): string[] {
  const { resources, components, patches, replacements, configurations, ...generators } = readKustomization(folder);
  const generated = [...(generators.configMapGenerator ?? []), ...(generators.secretGenerator ?? [])];
  const named = [
    ...(resources ?? []),
    ...(components ?? []),
    ...(configurations ?? []),
    ...[...(patches ?? []), ...(replacements ?? [])].flatMap(({ path }) => (path === undefined ? [] : [path])),
    ...generated.flatMap(({ files = [], envs = [] }) => [...files.map(withoutKey), ...envs]),
  ];
  return named.map((path) => join(folder, path).split(sep).join('/'));
}

/** `key=path` or `path` */
function withoutKey(file: string): string {
  return file.slice(file.indexOf('=') + 1);
}
