import { setTimeout as sleep } from 'node:timers/promises';
import { createNames, createPublisher, type Publisher } from '@tickcast/backplane';
import { noArguments, parseCommand } from './arguments.ts';
import type { Settings } from './config.ts';
import { CommandError, UsageError } from './failures.ts';
import { onInterrupt } from './interrupt.ts';
import { createPace } from './pace.ts';
import { readRecording } from './recording/file.ts';
import type { RecordedEvent } from './recording/line.ts';
import { withRedis } from './redis.ts';
import { createWindow } from './window.ts';

/** On one connection Redis takes them in their order, so that an answer need not be waited for before the next is sent. */
const MAX_UNDER_WAY = 64;

/** What of a recording is published, and what is not. */
interface Plan {
  events: number;
  snapshots: number;
  gaps: number;
  alertsLeftOut: number;
}

/** `tickcast replay`: checks a recording, then publishes its events as they were published once. */
export async function replayCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('replay', args);
  const [path, ...more] = positionals;
  if (path === undefined || path === '-') {
    throw new UsageError('replay takes the FILE of a recording, not stdin: it is read twice');
  }
  noArguments('replay', more);
  const speed = readSpeed(values.speed);

  const plan = await checkRecording(path, values.alerts);
  console.error(describe(plan));
  await withRedis(settings.redisUrl, async (redis) => {
    const publisher = createPublisher({ redis, names: createNames(settings.redisPrefix) });
    const { published, lateSeconds } = await publishAll(publisher, path, { speed, alerts: values.alerts });
    const lag = lateSeconds === 0 ? '' : `; ${lateSeconds.toFixed(1)} s later than the recording has it`;
    if (published < plan.events) throw new CommandError(`interrupted: ${published} of ${plan.events} were published`);
    console.error(`published ${published}${lag}`);
  });
}

/** The first of two passes: nothing is published of a file that is wrong somewhere. */
async function checkRecording(path: string, withAlerts: boolean): Promise<Plan> {
  const plan: Plan = { events: 0, snapshots: 0, gaps: 0, alertsLeftOut: 0 };
  for await (const { event } of readRecording(path)) {
    if (event === null) plan.gaps += 1;
    else if (event.isSnapshot) plan.snapshots += 1;
    else if (isWanted(event, withAlerts)) plan.events += 1;
    else plan.alertsLeftOut += 1;
  }
  return plan;
}

function isWanted({ stream, isSnapshot }: RecordedEvent, withAlerts: boolean): boolean {
  return !isSnapshot && (withAlerts || stream.channel !== 'alerts');
}

async function publishAll(
  publisher: Publisher,
  path: string,
  { speed, alerts }: { speed: number; alerts: boolean },
): Promise<{ published: number; lateSeconds: number }> {
  const { signal, release } = onInterrupt();
  const pace = createPace(speed, () => performance.now() / 1000);
  const window = createWindow(MAX_UNDER_WAY);
  let published = 0;
  const publish = async (number: number, { stream, published: frame }: RecordedEvent): Promise<void> => {
    await publisher.publish(stream, frame).catch((error: Error) => {
      throw new CommandError(`line ${number} could not be published: ${error.message}`, { cause: error });
    });
    published += 1;
  };
  try {
    for await (const { number, event } of readRecording(path)) {
      if (signal.aborted) break;
      if (event === null || !isWanted(event, alerts)) continue;
      await sleep(pace.wait(event.receivedAt) * 1000, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      await window.add(publish(number, event));
    }
    await window.settle();
  } catch (error) {
    await window.settle().catch(() => undefined);
    throw error instanceof CommandError
      ? new CommandError(`${error.message}; ${published} events were, and up to ${MAX_UNDER_WAY} more may have been`)
      : error;
  } finally {
    release();
  }
  return { published, lateSeconds: pace.late };
}

/** How many times as fast; Infinity for `max`. */
function readSpeed(text: string): number {
  const speed = text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  if (speed > 0) return speed;
  throw new UsageError(`--speed must be a number above 0, or max; it is "${text}"`);
}

function describe({ events, snapshots, gaps, alertsLeftOut }: Plan): string {
  const leftOut = [
    snapshots === 0 ? '' : `${snapshots} snapshots`,
    gaps === 0 ? '' : `${gaps} gaps`,
    alertsLeftOut === 0 ? '' : `${alertsLeftOut} alerts, which --alerts publishes too`,
  ].filter((part) => part !== '');
  return `to publish: ${events}${leftOut.length === 0 ? '' : `; left out: ${leftOut.join(', ')}`}`;
}
