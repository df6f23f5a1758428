import { backtestCommand } from './backtest.ts';
import { readSettings, type Settings } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { CommandError, UsageError } from './failures.ts';
import { publishCommand } from './publish.ts';
import { tailCommand } from './tail.ts';
import { tokenCommand } from './token.ts';
import { USAGE } from './usage.ts';

const COMMANDS = new Map<string | undefined, (args: string[], settings: Settings) => Promise<void>>([
  ['token', tokenCommand],
  ['publish', publishCommand],
  ['tail', tailCommand],
  ['backtest', backtestCommand],
  ['doctor', doctorCommand],
]);

async function runCommandLine([name, ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help' || args.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  try {
    const command = COMMANDS.get(name);
    if (command === undefined)
      throw new UsageError(name === undefined ? 'a command is needed' : `no command "${name}"`);
    await command(args, readSettings());
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`tickcast: ${error.message}\nSee: tickcast --help`);
      return 2;
    }
    // Anything else is a fault of this program, for which its stack is wanted.
    console.error(error instanceof CommandError ? `tickcast: ${error.message}` : error);
    return 1;
  }
}

process.exitCode = await runCommandLine(process.argv.slice(2));
