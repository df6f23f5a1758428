import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFESTS } from './tree.ts';

const PAGE = join(MANIFESTS, 'README.md');

/** The text of k8s/README.md. */
export function readme(): string {
  return existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
}

/** The commands of the page's shell blocks, one a line, those over several lines joined. */
export function readmeCommands(): string[] {
  const blocks = readme().matchAll(/^```(?:sh|shell|bash|console)?\n(.*?)^```/gms);
  return [...blocks].flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n')).map((line) => line.trim());
}

/** The keys of a Secret or ConfigMap that a command of the page creates; undefined when none does. */
export function createdByReadme(kind: 'ConfigMap' | 'Secret', name: string): string[] | undefined {
  const what = kind === 'Secret' ? 'secret (?:generic|tls)' : 'configmap';
  const command = readmeCommands().find((line) => new RegExp(`\\bcreate ${what} ${name}(\\s|$)`).test(line));
  if (command === undefined) return undefined;
  return [...command.matchAll(/--from-(?:literal|file)=["']?([^=\s"']+)/g)].map(([, key = '']) =>
    key.replace(/^.*\//, ''),
  );
}
