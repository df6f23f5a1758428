import { readFileSync } from 'node:fs';
import { cleanEnvironment } from '../processes.ts';
import { CommandError, runCommand } from '../command.ts';
import { expectThat } from '../rollout/promises.ts';
import { say } from './steps.ts';

/** Blocks that begin with one of these are typed; others show what is to be seen. */
const TYPED = /^(?:kubectl|sh|export|for|sed|curl|kind|docker|helm|npx|ACL) /;

export interface Page {
  /** The blocks of commands under the heading, in their order. @throws when there is no such heading */
  commands(heading: string): string[];
  /** Types one block as it stands and resolves with what it prints. What it exports holds for all that follow. */
  type(block: string, change?: (block: string) => string): Promise<string>;
  /** Types a command that stands within a sentence of the page. @throws when it does not */
  typeInline(command: string): Promise<string>;
}

/**
 * The page k8s/README.md: what is tried is what stands there.
 *
 * @param folder where it is typed: the folder that has `k8s/` in it
 */
export function openPage(path: string, folder: string, environment: NodeJS.ProcessEnv): Page {
  const text = readFileSync(path, 'utf8');
  const exports: string[] = [];

  const shell = async (commands: string): Promise<string> => {
    const script = ['set -eu', ...exports, commands].join('\n');
    say(`$ ${commands}`);
    try {
      return await runCommand('/bin/sh', ['-c', script], {
        cwd: folder,
        env: cleanEnvironment(environment),
        withinMs: 400_000,
      });
    } catch (error) {
      if (error instanceof CommandError)
        throw new Error(`the page's command failed:\n${commands}\n${error.stderr}`, { cause: error });
      throw error;
    }
  };

  return {
    commands(heading) {
      const section = sectionOf(text, heading);
      return [...section.matchAll(/^ *```\n([\s\S]*?)^ *```$/gm)]
        .map(([, block = '']) => block.trim())
        .filter((block) => TYPED.test(block));
    },
    async type(block, change = (same) => same) {
      const output = await shell(change(block));
      exports.push(...block.split('\n').filter((line) => line.startsWith('export ')));
      return output;
    },
    async typeInline(command) {
      const flat = text.replaceAll(/\s+/g, ' ');
      expectThat(flat.includes(`\`${command}\``), `the page has the command ${command}`, 'it does not');
      return shell(command);
    },
  };
}

function sectionOf(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  expectThat(start >= 0, `the page has a heading "${heading}"`, 'it has not');
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^#+ /.test(line));
  return rest.slice(0, end === -1 ? undefined : end).join('\n');
}
