/** The command line itself is wrong: exit code 2, with a pointer to `--help`. */
export class UsageError extends Error {
  static readonly code = 'usage';
  readonly code = UsageError.code;
}

/** The command could not do its work: exit code 1. The message says what to do about it. */
export class CommandError extends Error {
  static readonly code = 'failed';
  readonly code = CommandError.code;
}
