import { EXIT_CODES } from './exit-codes.ts';

/** The command line itself is wrong: told with a pointer to `--help`. */
export class UsageError extends Error {
  static readonly code = 'usage';
  readonly code = UsageError.code;
  readonly exitCode = EXIT_CODES.usage.code;
}

/** The command could not do its work. The message says what to do about it. */
export class CommandError extends Error {
  static readonly code = 'failed';
  readonly code = CommandError.code;
  readonly exitCode = EXIT_CODES.failed.code;
}

/** The command did its work, but not every event was there to do it with. The message says how many are missing. */
export class IncompleteError extends Error {
  static readonly code = 'incomplete';
  readonly code = IncompleteError.code;
  readonly exitCode = EXIT_CODES.incomplete.code;
}
