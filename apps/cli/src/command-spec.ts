/** An option as `parseArgs` of node:util takes it, and as it is told to people. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  readonly default?: string | boolean;
  /** What stands for the value in the help. */
  readonly value?: string;
  /** All values there are. */
  readonly choices?: readonly string[];
  readonly help: string;
}

/** What a shell offers for an argument: `channel` and `selector` know the channels, `none` nothing. */
export type ArgumentKind = 'channel' | 'selector' | 'file' | 'shell' | 'none';

export interface CommandSpec {
  /** The arguments besides options, as the help shows them. */
  readonly synopsis: string;
  /** Their kinds, in order; the last one stands for all that follow. */
  readonly arguments: readonly ArgumentKind[];
  /** One line. */
  readonly summary: string;
  /** What more there is to know, a paragraph each. */
  readonly details: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
}

/** An option that is there or not. */
export function flag(help: string) {
  return { type: 'boolean', default: false, help } as const;
}

/** An option with a value. */
export function text(value: string, help: string) {
  return { type: 'string', value, help } as const;
}
