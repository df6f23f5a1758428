import { setTimeout as sleep } from 'node:timers/promises';
import { type Commands, createNames, createPublisher } from '@tickcast/backplane';
import { median } from '../statistics.ts';
import type { EdgeLink } from './edge-link.ts';
import { Finding } from './report.ts';

const STREAM = { channel: 'market_data', key: 'TICKCAST.DOCTOR' } as const;
const TRIPS = 5;
/** An edge sends at most ten quotes of a symbol a second: later ones would wait for their turn. */
const BETWEEN_MS = 150;
const ARRIVES_WITHIN_MS = 3000;

/** From the Function through Redis and an edge back to here. @throws Finding when it can't be tried or does not arrive */
export async function roundTrip(redis: Commands, prefix: string, link: EdgeLink): Promise<string> {
  await subscribe(link);
  const publisher = createPublisher({ redis, names: createNames(prefix) });
  const times: number[] = [];
  const run = process.pid + Math.random();
  for (let trip = 1; trip <= TRIPS; trip += 1) {
    const data = { timestamp: Date.now() / 1000, price: 0, volume: 0, run, trip };
    const arrival = link.next((frame) => isTrip(frame['data'], run, trip), ARRIVES_WITHIN_MS);
    arrival.catch(() => undefined);
    const sentAt = performance.now();
    await publisher.publish(STREAM, JSON.stringify({ type: STREAM.channel, symbol: STREAM.key, data }));
    await arrival.catch(({ message }: Error) => {
      const advice = `does the edge use this Redis, and the prefix ${prefix}? Compare its TICKCAST_REDIS_URL and TICKCAST_REDIS_PREFIX`;
      throw new Finding('failed', `what was published did not come through the edge: ${message}`, advice);
    });
    times.push(performance.now() - sentAt);
    await sleep(BETWEEN_MS);
  }
  const [fastest, slowest] = [Math.min(...times), Math.max(...times)].map((time) => time.toFixed(1));
  return `${median(times).toFixed(1)} ms from the Function to a client (median of ${TRIPS}, ${fastest} to ${slowest})`;
}

async function subscribe(link: EdgeLink): Promise<void> {
  const answer = link.next(({ id }) => id === STREAM.key);
  link.send({ type: 'subscribe', id: STREAM.key, channel: STREAM.channel, symbol: STREAM.key });
  const { type, error, detail } = await answer;
  if (type !== 'error') return;
  if (error === 'forbidden') throw new Finding('skipped', String(detail), 'use a token without a claim `channels`');
  throw new Finding('failed', `${String(error)}: ${String(detail)}`);
}

function isTrip(data: unknown, run: number, trip: number): boolean {
  const { run: itsRun, trip: itsTrip } = (data ?? {}) as { run?: unknown; trip?: unknown };
  return itsRun === run && itsTrip === trip;
}
