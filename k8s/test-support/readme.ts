import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFESTS } from './tree.ts';

const PAGE = join(MANIFESTS, 'README.md');

/** The text of k8s/README.md. */
export function readme(): string {
  return existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
}

/** Every line of code on the page, in its blocks (those over several lines joined) and in its sentences. */
export function readmeCode(): string[] {
  const blocks = [...readme().matchAll(/^ *```\w*\n(.*?)^ *```/gms)].map(([, block = '']) => block);
  const sentences = readme().replaceAll(/^ *```.*?^ *```/gms, '');
  const spans = [...sentences.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replaceAll(/\s+/g, ' '));
  const lines = blocks.flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'));
  return [...lines, ...spans].map((line) => line.trim()).filter((line) => line !== '');
}

/** The keys of a Secret or ConfigMap that a command of the page creates; undefined when none does. */
export function createdByReadme(kind: 'ConfigMap' | 'Secret', name: string): string[] | undefined {
  const what = kind === 'Secret' ? 'secret (?:generic|tls)' : 'configmap';
  const command = readmeCode().find((line) => new RegExp(`\\bcreate ${what} ${name}(\\s|$)`).test(line));
  if (command === undefined) return undefined;
  return [...command.matchAll(/--from-(?:literal|file)=["']?([^=\s"']+)/g)].map(([, key = '']) =>
    key.replace(/^.*\//, ''),
  );
}
