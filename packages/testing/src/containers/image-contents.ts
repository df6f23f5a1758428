import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageContainers } from './image-containers.ts';
import { imageName, type Target } from './images.ts';
import type { Podman } from './podman.ts';
import { ROOT } from './podman-home.ts';
import type { Steps } from './steps.ts';

const APPS = ['edge', 'producers', 'cli'] as const;
const LABELS = ['title', 'description', 'licenses', 'version', 'revision'].map(
  (name) => `org.opencontainers.image.${name}`,
);

interface ImageConfig {
  User: string;
  Entrypoint: string[];
  Labels: Record<string, string>;
}

interface Manifest {
  devDependencies?: Record<string, string>;
}

/** Printed by a program inside the image. */
interface Contents {
  /** Under /app, with what others than root may do. */
  files: { path: string; mode: number }[];
  packages: string[];
  programs: string[];
}

const LIST_CONTENTS = `
import { readdirSync, lstatSync } from 'node:fs';
const paths = readdirSync('.', { recursive: true });
const files = paths.filter((path) => !lstatSync(path).isSymbolicLink()).map((path) => ({ path, mode: lstatSync(path).mode & 0o777 }));
const packages = paths.filter((path) => path.endsWith('/package.json')).map((path) => path.split('node_modules/').at(-1).replace('/package.json', ''));
console.log(JSON.stringify({ files, packages, programs: readdirSync('/usr/local/bin') }));
`;

/** What is in the images, and what is said of them. */
export async function checkContents(podman: Podman, containers: ImageContainers, steps: Steps): Promise<void> {
  await steps.show(
    'images run as a user that is not root, by number, without a shell, and say what they are',
    async () => {
      for (const target of APPS) {
        const inspected = await podman.run(['image', 'inspect', '--format', '{{json .Config}}', imageName(target)]);
        const { User, Entrypoint, Labels } = JSON.parse(inspected) as ImageConfig;
        expectNone(`${target} has user`, /^[1-9]\d*:[1-9]\d*$/.test(User) ? [] : [User]);
        expectNone(`${target} starts`, Entrypoint[0] === 'node' ? [] : Entrypoint);
        expectNone(
          `${target} has no label`,
          LABELS.filter((label) => !Labels[label]),
        );
      }
    },
  );
  for (const target of APPS) {
    await steps.show(`${target}: what it needs is in it, readable for all, and nothing else`, async () => {
      const { files, packages, programs } = JSON.parse(await containers.inspect(target, LIST_CONTENTS)) as Contents;
      const paths = files.map(({ path }) => path);
      expectNone(
        'tests, types, maps and sources',
        paths.filter((path) => /\.([mc]?ts|map)$|\.test\./.test(path)),
      );
      expectNone(
        'packages to develop with',
        packages.filter((name) => developedWith(target).has(name)),
      );
      expectNone(
        'package managers',
        programs.filter((name) => /^(npm|npx|yarn|corepack)/.test(name)),
      );
      expectNone(
        'licences left out',
        paths.flatMap(licencesBeside).filter((path) => !paths.includes(path)),
      );
      expectNone(
        'unreadable',
        files.filter(({ mode }) => (mode & 0o004) === 0).map(({ path }) => path),
      );
      expectNone(
        'writable for others',
        files.filter(({ mode }) => (mode & 0o002) !== 0).map(({ path }) => path),
      );
      const engines = paths.filter((path) => /uws_.*\.node$/.test(path));
      if (engines.length !== (target === 'edge' ? 1 : 0)) throw new Error(`engines in it: ${engines.join(', ')}`);
      return `${files.length} files, ${packages.length} packages`;
    });
  }
}

/** Licences of somebody's package, by the path of its manifest; what is not one has none. */
function licencesBeside(path: string): string[] {
  const [, folder] = /^(node_modules\/.*)\/package\.json$/.exec(path) ?? [];
  if (folder === undefined || folder.startsWith('node_modules/@tickcast/')) return [];
  return readdirSync(join(ROOT, folder))
    .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
    .map((name) => `${folder}/${name}`);
}

/** What its own manifest and the repository's name for development. Another workspace's may be what this one runs with. */
function developedWith(target: Target): Set<string> {
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as Manifest;
  return new Set(
    [read('.'), read(`apps/${target}`)].flatMap(({ devDependencies }) => Object.keys(devDependencies ?? {})),
  );
}

function expectNone(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new Error(`${what}: ${found.slice(0, 5).join(', ')}${found.length > 5 ? ' …' : ''}`);
}
