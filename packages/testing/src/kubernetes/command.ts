import { execFile } from 'node:child_process';

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** For its standard input. */
  input?: string;
  /** Milliseconds until it is killed, 60,000 when absent. */
  withinMs?: number;
}

/** A program that ended with another exit code than 0. */
export class CommandError extends Error {
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: string, stdout: string, stderr: string, cause: unknown) {
    super(`${command} failed:\n${stderr}${stdout}`, { cause });
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** As `execute`, for its standard output alone. */
export async function runCommand(command: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { stdout } = await execute(command, args, options);
  return stdout;
}

/**
 * Runs a program to its end and resolves with what it printed.
 *
 * @throws {CommandError} when it can't be run, fails, or takes longer than `withinMs`
 */
export function execute(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const { input, withinMs = 60_000, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { ...rest, timeout: withinMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else reject(new CommandError([command, ...args].join(' '), stdout, stderr, error));
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}
