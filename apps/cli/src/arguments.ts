import { parseArgs } from 'node:util';
import { CHANNELS, type Channel, isChannel, keyField, normalKey } from '@tickcast/protocol';
import { COMMAND_SPECS, COMMANDS, type CommandName } from './command-table.ts';
import { UsageError } from './failures.ts';

/** The options and positional arguments of a command. @throws UsageError for what the command does not know */
export function parseCommand<Name extends CommandName>(name: Name, args: string[]) {
  const options: (typeof COMMANDS)[Name]['options'] = COMMANDS[name].options;
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
    checkChoices(name, parsed.values);
    return parsed;
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message, { cause: error });
  }
}

function checkChoices(name: CommandName, values: object): void {
  for (const [option, { choices }] of Object.entries(COMMAND_SPECS.get(name)?.options ?? {})) {
    const value: unknown = Reflect.get(values, option);
    if (choices === undefined || choices.some((choice) => choice === value)) continue;
    throw new UsageError(`--${option} must be one of ${choices.join(', ')}; it is "${String(value)}"`);
  }
}

/** @throws UsageError when there is an argument, which `command` does not take */
export function noArguments(command: CommandName, positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`${command} takes no argument "${positionals[0]}"`);
}

/** @throws UsageError when it is absent or no channel */
export function channelArgument(text: string | undefined): Channel {
  if (isChannel(text)) return text;
  throw new UsageError(`CHANNEL must be one of ${CHANNELS.join(', ')}`);
}

/** A key in normal form. @throws UsageError when the channel has no keys, or this can't be one */
export function keyArgument(channel: Channel, text: string): string {
  const field = keyField(channel);
  if (field === null) throw new UsageError(`${channel} is one stream: it takes no KEY`);
  const key = normalKey(channel, text);
  if (key === null) throw new UsageError(`"${text}" can't be ${field === 'agent_id' ? 'an' : 'a'} ${field}`);
  return key;
}

/** A whole number from 1. @throws UsageError for anything else */
export function countOption(option: string, value: string): number {
  const count = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (count > 0) return count;
  throw new UsageError(`--${option} must be a whole number from 1; it is "${value}"`);
}
