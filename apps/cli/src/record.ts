import type { LostEvents, Push, Received } from '@tickcast/client';
import type { Settings } from './config.ts';
import { countOption, parseCommand } from './arguments.ts';
import { parseDuration } from './duration.ts';
import { followEdge } from './edge-client.ts';
import { CommandError, IncompleteError, UsageError } from './failures.ts';
import { gapText } from './gap-text.ts';
import { note } from './notes.ts';
import { eventLine, gapLine } from './recording/line.ts';
import { prepareOutput } from './recording/output.ts';
import { readSelections } from './selections.ts';
import { subscribe } from './subscriptions.ts';

/** What may wait for a disk or a pipe that is slow. What does not fit is a gap in the recording. */
const OVERFLOW = { buffer: 10_000 };

/** Longer than that no timer waits. */
const MAX_SECONDS = 24 * 86_400;

/** `tickcast record`: writes events to a file until the process is interrupted, or there are enough of them. */
export async function recordCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('record', args);
  const [path, ...wanted] = positionals;
  if (path === undefined) throw new UsageError('record takes a FILE, or - for stdout');
  const { append, count } = values;
  if (path === '-' && append) throw new UsageError('--append goes on with a FILE, which - is not');
  const selections = readSelections(wanted);
  const seconds = values.for === undefined ? null : recordingTime(values.for);
  const limit = count === undefined ? Number.POSITIVE_INFINITY : countOption('count', count);
  const output = await prepareOutput(path, { append });

  let events = 0;
  let gaps = 0;
  let broken: NodeJS.ErrnoException | null = null;
  await followEdge(settings, values, {
    name: 'tickcast-record',
    async work({ client, host, end }) {
      client.on('gap', (gap) => {
        gaps += 1;
        note(gapText(gap));
        return output.write(lineOfGap(gap));
      });
      const { since } = output;
      const subscriptions = selections.map((selection) => subscribe(client, { ...selection, since }, OVERFLOW));
      await Promise.all(subscriptions.map(({ ready }) => ready));
      // A file with nothing in it would be in the way of the next attempt.
      if (client.state === 'closed') return;
      await output.open((error) => {
        broken = error;
        end();
      });
      note(`recording at ${host}`);
      const timer = seconds === null ? undefined : setTimeout(end, seconds * 1000);
      try {
        await Promise.all(
          subscriptions.map(async (subscription) => {
            for await (const event of subscription) {
              if (events === limit) return;
              events += 1;
              if (events === limit) end();
              await output.write(lineOfEvent(event));
            }
          }),
        );
      } finally {
        clearTimeout(timer);
        await output.end();
      }
    },
  });
  report({ path, events, gaps, broken });
}

function recordingTime(text: string): number {
  const seconds = parseDuration(text);
  if (seconds <= MAX_SECONDS) return seconds;
  throw new UsageError('--for takes 24d at most: record without it, and end it with Ctrl-C');
}

interface Outcome {
  path: string;
  events: number;
  gaps: number;
  broken: NodeJS.ErrnoException | null;
}

function report({ path, events, gaps, broken }: Outcome): void {
  // `tickcast record - | head`: the reader has had enough.
  if (broken !== null && broken.code !== 'EPIPE') {
    throw new CommandError(`${path} can't be written any more: ${broken.message}; ${events} events were there before`);
  }
  note(`recorded ${events} events`);
  if (gaps > 0) throw new IncompleteError(`events are missing: ${path} has ${gaps} gaps, each a line with \`gap\``);
}

function lineOfEvent(event: Received<Push>): string {
  const { type: channel, epoch, raw } = event;
  return eventLine({ receivedAt: now(), channel, key: keyOf(event), epoch }, raw);
}

function lineOfGap({ channel, key, epoch, ...gap }: LostEvents): string {
  return gapLine({ receivedAt: now(), channel, key, epoch }, gap);
}

function keyOf(event: Push): string | null {
  if ('symbol' in event) return event.symbol;
  if ('agent_id' in event) return event.agent_id;
  return 'backtest_id' in event ? event.backtest_id : null;
}

/** Unix seconds with microseconds. */
function now(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000) / 1e6;
}
