import { channelArgument, keyArgument, parseCommand } from './arguments.ts';
import type { Settings } from './config.ts';
import { followEdge } from './edge-client.ts';
import { createEventLines } from './event-line.ts';
import { UsageError } from './failures.ts';
import { gapText } from './gap-text.ts';
import { createLineOutput } from './line-output.ts';
import { note } from './notes.ts';
import { createPaint } from './paint.ts';
import { oneLine } from './recording/line.ts';
import { type Selection, subscribe } from './subscriptions.ts';

/** `tickcast tail`: prints the events of a channel, or of some streams of it, until the process is interrupted. */
export async function tailCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('tail', args);
  const selection = readSelection(positionals);
  const lineOf = createEventLines(createPaint(values.color));
  await followEdge(settings, values, {
    name: 'tickcast-tail',
    async work({ client, host, end }) {
      client.on('gap', (gap) => note(gapText(gap)));
      // `tickcast tail … | head`: the reader has had enough.
      const output = createLineOutput(process.stdout, end);
      const events = subscribe(client, selection);
      events.ready.then(
        () => client.state !== 'closed' && note(`subscribed at ${host}`),
        () => undefined,
      );
      for await (const event of events) await output.write(values.json ? oneLine(event.raw) : lineOf(event));
    },
  });
}

function readSelection([first, ...others]: readonly string[]): Selection {
  const channel = channelArgument(first);
  const keys = others.map((key) => keyArgument(channel, key));
  if (channel === 'market_data' && keys.length === 0) throw new UsageError('market_data needs a KEY, such as 0700.HK');
  return { channel, keys: keys.length === 0 ? null : keys };
}
