import { createNames, createPublisher } from '@tickcast/backplane';
import { channelArgument, parseCommand } from './arguments.ts';
import type { Settings } from './config.ts';
import { CommandError, UsageError } from './failures.ts';
import { readPublication } from './frame-argument.ts';
import { withRedis } from './redis.ts';

/** `tickcast publish`: publishes one event and prints its stream and number as JSON. */
export async function publishCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('publish', args);
  const eventId = values['event-id'];
  if (values.raw && eventId !== undefined)
    throw new UsageError('--event-id needs the Function: it means nothing --raw');
  if (positionals.length < 2 || positionals.length > 3) throw new UsageError('publish takes CHANNEL [KEY] JSON');
  const channel = channelArgument(positionals[0]);
  const key = positionals.length === 3 ? positionals[1] : undefined;
  const { stream, frame } = readPublication(channel, key, positionals.at(-1) ?? '');

  const eventOf = (seq: number | null): string => JSON.stringify({ ...stream, seq });
  await withRedis(settings.redisUrl, async (redis) => {
    const publisher = createPublisher({ redis, names: createNames(settings.redisPrefix) });
    try {
      if (values.raw) await publisher.publishRaw(stream, frame);
      console.log(eventOf(values.raw ? null : await publisher.publish(stream, frame, eventId)));
    } catch (error) {
      throw new CommandError(`not published: ${(error as Error).message}`, { cause: error });
    }
  });
}
