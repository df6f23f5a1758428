import { setTimeout as sleep } from 'node:timers/promises';
import { createNames, createPublisher, type Publisher } from '@tickcast/backplane';
import type { Tickcast } from '@tickcast/client';
import { countOption, noArguments, parseCommand } from './arguments.ts';
import { createTally, type Tally } from './bench-tally.ts';
import { edgeUrl, type Settings } from './config.ts';
import { createClient, explainError } from './edge-client.ts';
import { CommandError, IncompleteError } from './failures.ts';
import { onInterrupt } from './interrupt.ts';
import { withRedis } from './redis.ts';

const STREAM = { channel: 'market_data', key: 'TICKCAST.BENCH' } as const;
/** What an edge holds back is sent within a tenth of this. */
const SETTLES_WITHIN_MS = 2000;

interface Plan {
  rate: number;
  seconds: number;
}

/** `tickcast bench`: publishes quotes and receives them, and prints how long they took. */
export async function benchCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('bench', args);
  noArguments('bench', positionals);
  const plan = { rate: countOption('rate', values.rate), seconds: countOption('seconds', values.seconds) };
  const count = countOption('clients', values.clients);
  const { host } = edgeUrl(settings, values);
  // A connection that breaks is no time to be measured: it is said, and the bench ends.
  const create = (): Promise<Tickcast> => createClient(settings, values, { name: 'tickcast-bench', maxAttempts: 0 });
  const clients = await Promise.all(Array.from({ length: count }, create));
  const tally = createTally(clients.length);
  try {
    await withRedis(settings.redisUrl, async (redis) => {
      const publisher = createPublisher({ redis, names: createNames(settings.redisPrefix) });
      await measure(publisher, clients, tally, plan);
    });
  } catch (error) {
    throw explainError(error, host);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
  const figures = tally.figures();
  console.log(values.json ? JSON.stringify(figures) : tally.table());
  if (figures.lost > 0) throw new IncompleteError(`${figures.lost} events were lost: look at the logs of the edges`);
}

async function measure(publisher: Publisher, clients: Tickcast[], tally: Tally, plan: Plan): Promise<void> {
  const subscriptions = clients.map((client) => client.marketData(STREAM.key, { overflow: { buffer: 100_000 } }));
  await Promise.all(subscriptions.map(({ ready }) => ready));
  const received = Promise.all(
    subscriptions.map(async (subscription) => {
      for await (const event of subscription) if (tally.received(event)) return;
    }),
  );
  // Looked at below, if the publishing comes to its end.
  received.catch(() => undefined);
  await publish(publisher, tally, plan);
  await Promise.race([received, sleep(SETTLES_WITHIN_MS, undefined, { ref: false })]);
}

/** At an even rate, until the time is over or Ctrl-C ends it. */
async function publish(publisher: Publisher, tally: Tally, { rate, seconds }: Plan): Promise<void> {
  const { signal, release } = onInterrupt();
  const startedAt = performance.now();
  try {
    for (let n = 0; n < rate * seconds && !signal.aborted; n += 1) {
      const wait = startedAt + (n * 1000) / rate - performance.now();
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      const isLast = n + 1 >= rate * seconds || signal.aborted;
      const frame = { type: STREAM.channel, symbol: STREAM.key, data: tally.publishing(isLast) };
      await publisher.publish(STREAM, JSON.stringify(frame)).catch((error: Error) => {
        throw new CommandError(`publishing failed: ${error.message}`, { cause: error });
      });
    }
  } finally {
    release();
  }
}
