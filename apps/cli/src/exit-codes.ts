/** What the command's exit codes mean. The one table of them: errors, help and README follow it. */
export const EXIT_CODES = {
  done: { code: 0, meaning: 'done, also when Ctrl-C ended what goes on until then' },
  failed: { code: 1, meaning: 'it failed: the reason, and what to do, are on stderr' },
  usage: { code: 2, meaning: 'the command line is wrong: nothing was done' },
  incomplete: { code: 3, meaning: 'done, but events are missing: `record` was told of a gap, `bench` lost some' },
} as const;
