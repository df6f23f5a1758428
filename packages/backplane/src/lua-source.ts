import { readFileSync } from 'node:fs';

/** Texts of `lua/`, one after the other. The folder stands beside `src` and beside `dist`. */
export function luaSource(...names: string[]): string {
  return names.map((name) => readFileSync(new URL(`../lua/${name}.lua`, import.meta.url), 'utf8')).join('\n');
}
