import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import type { Fault } from './fault.ts';
import { expectRise } from './node-metrics.ts';
import { FAT_SYMBOL, HOT_SYMBOL } from './publishers.ts';

/** With what the kernel's buffers take, some 4 MB, a hundred are more than may wait for a client. */
const LARGE_ALERT_BYTES = 60_000;

/** Clients are slow, gone or all there at once, or publishers are busy. */
export const CLIENT_FAULTS: readonly Fault[] = [
  {
    name: 'slow-readers',
    about: 'clients read 1 KB/s while much is published, then read on',
    part: 'wire',
    async run(context) {
      const { world } = context;
      const fat = `market_data:${FAT_SYMBOL}`;
      await expectRise(context, world.nodes, 'tickcast_slow_clients_paused_total', async () => {
        for (const { wire } of world.nodes) wire.shape({ bytesPerSecond: 1024 }, 'to-client');
        world.publishers.setRate(fat, 20);
        for (let times = 0; times < 15; times++) {
          await world.publishers.burst('alerts', 5);
          await sleep(1000);
        }
        world.publishers.setRate(fat, 0.5);
        for (const { wire } of world.nodes) wire.heal();
      });
    },
  },
  {
    name: 'unread-alerts',
    about: 'more alerts than fit are published while clients read nothing: they are sent away with 4410, and come back',
    part: 'wire',
    async run({ world, alone }) {
      const sentAway = () => world.seating.closes.get(4410) ?? 0;
      const before = sentAway();
      for (const { wire } of world.nodes) wire.stall('to-client');
      for (let times = 0; times < 24; times++) {
        await world.publishers.burst('alerts', 5, LARGE_ALERT_BYTES);
        await sleep(150);
      }
      for (const { wire } of world.nodes) wire.heal();
      await eventually(() => sentAway() > before, { withinMs: 10_000 }).catch(() => {
        if (alone) world.violation('the fault', 'did not come about: nobody was closed with 4410');
      });
    },
  },
  {
    name: 'half-open-clients',
    about: 'clients vanish without a word, and come back by another way while their old connections stand',
    part: 'wire',
    async run({ world, random }) {
      for (const { wire } of world.nodes) wire.swallow();
      await sleep(10_000 + random() * 8000);
      for (const { wire } of world.nodes) wire.heal();
    },
  },
  {
    name: 'stampede',
    about: 'all clients break off and come back at once',
    part: 'wire',
    async run({ world }) {
      for (const client of world.clients) client.drop();
      await world.publishers.burst('alerts', 20);
      await sleep(3000);
    },
  },
  {
    name: 'hot-symbol',
    about: 'one symbol has 1000 events a second beside quiet ones',
    part: 'load',
    async run({ world }) {
      world.publishers.setRate(`market_data:${HOT_SYMBOL}`, 1000);
      await sleep(5000);
      world.publishers.setRate(`market_data:${HOT_SYMBOL}`, 4);
    },
  },
  {
    name: 'alert-storm',
    about: 'hundreds of alerts at once',
    part: 'load',
    async run({ world }) {
      for (let times = 0; times < 3; times++) {
        await world.publishers.burst('alerts', 200);
        await sleep(500);
      }
    },
  },
];
