import { CHANNELS } from '@tickcast/protocol';
import type { ArgumentKind } from '../command-spec.ts';
import { COMMAND_SPECS } from '../command-table.ts';

/** What is offered for each kind of argument; null for the names of files. */
export const WORDS: Readonly<Record<ArgumentKind, readonly string[] | null>> = {
  channel: CHANNELS,
  selector: CHANNELS,
  shell: ['bash', 'zsh', 'fish'],
  file: null,
  none: [],
};

/** The first words of commands, each with what it does. */
export function firstWords(): Map<string, string> {
  return new Map(
    [...COMMAND_SPECS].map(([name, { summary }]) => {
      const [first = name, second] = name.split(' ');
      return [first, second === undefined ? summary : 'submit backtests to the workers, and look after them'] as const;
    }),
  );
}

/** The second words of the commands that have two, each with what it does. */
export function secondWords(first: string): Map<string, string> {
  const below = [...COMMAND_SPECS].filter(([name]) => name.startsWith(`${first} `));
  return new Map(below.map(([name, { summary }]) => [name.slice(first.length + 1), summary]));
}

/** The first words of the commands that have two. */
export const GROUPS: readonly string[] = [...firstWords().keys()].filter((first) => secondWords(first).size > 0);
