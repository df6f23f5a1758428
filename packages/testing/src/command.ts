import { execFile } from 'node:child_process';

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** For its standard input. */
  input?: string;
  /** Milliseconds until it is killed, 60,000 when absent. */
  withinMs?: number;
}

const SHOWN_LINES = 40;
/** Where no systemd runs, podman says with each container that nobody checks its health. */
const SYSTEMD_NOISE = /^.*systemd connection.*\n?/gm;

/** A program that ended with another exit code than 0: the message has its arguments and the end of what it said. */
export class CommandError extends Error {
  /** Null when a signal ended it, or it could not be started. */
  readonly exitCode: number | null;
  readonly stderr: string;

  constructor(command: string, stdout: string, stderr: string, cause: { code?: unknown; message: string }) {
    const said = `${stdout}\n${stderr}`.replace(SYSTEMD_NOISE, '').trim() || cause.message;
    const exitCode = typeof cause.code === 'number' ? cause.code : null;
    super(`${command}: exit code ${exitCode ?? 'none'}\n${said.split('\n').slice(-SHOWN_LINES).join('\n')}`, { cause });
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** As `execute`, for its standard output alone, without blanks at its ends. */
export async function runCommand(command: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { stdout } = await execute(command, args, options);
  return stdout.trim();
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
