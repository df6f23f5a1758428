import { setTimeout as sleep } from 'node:timers/promises';
import { type EdgeProcess, joinCrowd, mintToken } from '@tickcast/testing';
import type { Cluster } from './cluster.ts';
import { alert } from './frames.ts';

const ALERT_EVERY_MS = 250;
const KNOCK_EVERY_MS = 50;

/** What goes on around a cluster until it is told to end. */
export interface Bustle {
  end(): Promise<{
    /** Alerts published; their `data.n` counts from 1. */
    published: number;
    /** Clients without a seat that asked for one. */
    knocks: number;
    /** Those of them that got it. */
    admitted: number;
    /** The most seats that the registry held at any moment it was looked at. */
    mostSeats: number;
  }>;
}

const bustles = new Set<Bustle>();

/** Ends what still goes on; for `afterEach`. */
export async function quiet(): Promise<void> {
  await Promise.allSettled([...bustles].map((bustle) => bustle.end()));
}

/** Publishes alerts, and has newcomers knock at whichever nodes there are. */
export function startBustle(cluster: Cluster, nodes: () => readonly EdgeProcess[]): Bustle {
  const totals = { published: 0, knocks: 0, admitted: 0, mostSeats: 0 };
  let isOver = false;

  const publish = async () => {
    while (!isOver) {
      const frame = alert('rolling') as { data: object };
      const n = totals.published + 1;
      await cluster.publisher.publish(
        { channel: 'alerts', key: null },
        JSON.stringify({ ...frame, data: { ...frame.data, n } }),
      );
      totals.published = n;
      totals.mostSeats = Math.max(totals.mostSeats, await cluster.seats());
      await sleep(ALERT_EVERY_MS);
    }
  };
  const knock = async () => {
    const token = await mintToken({ sub: 'newcomer' });
    while (!isOver) {
      const doors = nodes();
      const door = doors[totals.knocks % doors.length];
      if (door) {
        totals.knocks += 1;
        const newcomer = joinCrowd(door.url, token);
        if ((await newcomer.arrival).outcome === 'seated') totals.admitted += 1;
        await newcomer.leave();
      }
      await sleep(KNOCK_EVERY_MS);
    }
  };
  const work = Promise.all([publish(), knock()]);
  // It is for `end` to report.
  work.catch(() => undefined);
  const bustle = {
    async end() {
      isOver = true;
      bustles.delete(bustle);
      await work;
      return totals;
    },
  };
  bustles.add(bustle);
  return bustle;
}
