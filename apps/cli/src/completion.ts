import { noArguments, parseCommand } from './arguments.ts';
import { bashScript } from './completion/bash.ts';
import { fishScript } from './completion/fish.ts';
import { zshScript } from './completion/zsh.ts';
import { UsageError } from './failures.ts';

const SCRIPTS = new Map([
  ['bash', bashScript],
  ['zsh', zshScript],
  ['fish', fishScript],
]);

/** `tickcast completion`: prints the script for a shell. It has all words in it, so a shell starts nothing to complete. */
export async function completionCommand(args: string[]): Promise<void> {
  const { positionals } = parseCommand('completion', args);
  const script = SCRIPTS.get(positionals[0] ?? '');
  if (script === undefined) throw new UsageError(`completion takes one of ${[...SCRIPTS.keys()].join(', ')}`);
  noArguments('completion', positionals.slice(1));
  process.stdout.write(script());
}
