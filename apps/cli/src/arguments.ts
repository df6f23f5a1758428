import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CHANNELS, type Channel, isChannel, keyField, normalKey } from '@tickcast/protocol';
import { UsageError } from './failures.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** The options and positional arguments of one command. @throws UsageError for what the command does not know */
export function parseCommand<T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
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
  if (key === null) throw new UsageError(`"${text}" can't be a ${field}`);
  return key;
}
