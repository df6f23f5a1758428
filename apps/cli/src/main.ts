import { readFileSync } from 'node:fs';
import { readSettings, type Settings } from './config.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { CommandError, IncompleteError, UsageError } from './failures.ts';
import { commandHelp, generalHelp } from './help.ts';

type Command = (args: string[], settings: Settings) => Promise<void>;

// Loaded when they are wanted: all of them together take half a second.
const COMMANDS = new Map<string | undefined, () => Promise<Command>>([
  ['token', async () => (await import('./token.ts')).tokenCommand],
  ['publish', async () => (await import('./publish.ts')).publishCommand],
  ['backtest', async () => (await import('./backtest.ts')).backtestCommand],
  ['doctor', async () => (await import('./doctor.ts')).doctorCommand],
  ['completion', async () => (await import('./completion.ts')).completionCommand],
  ['bench', async () => (await import('./bench.ts')).benchCommand],
  ['record', async () => (await import('./record.ts')).recordCommand],
  ['replay', async () => (await import('./replay.ts')).replayCommand],
  ['tail', async () => (await import('./tail.ts')).tailCommand],
]);

async function runCommandLine([name, ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help' || args.includes('--help')) {
    const words = [name ?? '', ...args].filter((word) => !/^(-.*|help)$/.test(word));
    console.log(commandHelp(words.slice(0, 2).join(' ')) ?? commandHelp(words[0] ?? '') ?? generalHelp());
    return EXIT_CODES.done.code;
  }
  if (name === '--version') {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    console.log(version);
    return EXIT_CODES.done.code;
  }
  try {
    const load = COMMANDS.get(name);
    if (load === undefined) throw new UsageError(name === undefined ? 'a command is needed' : `no command "${name}"`);
    const command = await load();
    await command(args, readSettings());
    return EXIT_CODES.done.code;
  } catch (error) {
    return report(error, name);
  }
}

function report(error: unknown, name: string | undefined): number {
  if (error instanceof UsageError) {
    const page = COMMANDS.has(name) ? `tickcast ${name} --help` : 'tickcast --help';
    console.error(`tickcast: ${error.message}\nSee: ${page}`);
    return error.exitCode;
  }
  if (error instanceof CommandError || error instanceof IncompleteError) {
    console.error(`tickcast: ${error.message}`);
    return error.exitCode;
  }
  // A fault of this program, for which its stack is wanted.
  console.error(error);
  return EXIT_CODES.failed.code;
}

process.exitCode = await runCommandLine(process.argv.slice(2));
