import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, anyNode } from './fault.ts';
import { expectRise } from './node-metrics.ts';
import { FAT_SYMBOL } from './publishers.ts';
import { PREFIX } from './world.ts';

const USUAL_LIMIT = 'pubsub 33554432 8388608 60';
const LARGE_BYTES = 64 * 1024 * 1024;

/** What edges are told of by Redis gets lost, or is not what it should be. */
export const PUBSUB_FAULTS: readonly Fault[] = [
  {
    name: 'subscribers-killed',
    about: 'Redis drops all its subscribers, several times, with events on their way',
    part: 'redis',
    async run(context) {
      const { world, random } = context;
      await expectRise(context, world.nodes, 'tickcast_events_healed_total', async () => {
        for (let times = 0; times < 4; times++) {
          const before = world.publishers.burst('alerts', 100);
          await sleep(random() * 5);
          const killed = world.redisCommands.client('KILL', 'TYPE', 'PUBSUB').catch(() => undefined);
          await Promise.all([before, killed, world.publishers.burst('alerts', 100)]);
          await sleep(300 + random() * 1500);
        }
      });
    },
  },
  {
    name: 'subscriber-overrun',
    about: 'the way to one node gets narrow, and Redis cuts its subscriber off for what it leaves unread',
    part: 'redis',
    async run(context) {
      const { world, alone } = context;
      const node = anyNode(context);
      await world.redis.cli('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1048576 262144 2');
      node.toRedis.shape({ bytesPerSecond: 50_000 }, 'to-client');
      for (let times = 0; times < 40; times++) {
        await world.publishers.burst(`market_data:${FAT_SYMBOL}`, 10);
        await world.publishers.burst('alerts', 2);
        await sleep(50);
      }
      await sleep(1000);
      node.toRedis.heal();
      const cutOff = /client_output_buffer_limit_disconnections:(\d+)/.exec(
        await world.redis.cli('INFO', 'stats'),
      )?.[1];
      if (alone && cutOff === '0') {
        world.violation(`node ${node.index}`, 'the fault did not come about: no subscriber was cut off');
      }
      await world.redis.cli('CONFIG', 'SET', 'client-output-buffer-limit', USUAL_LIMIT);
    },
  },
  {
    name: 'messages-dropped',
    about: 'single messages do not reach one node, among them the last ones of every stream',
    part: 'node',
    async run(context) {
      const { world, random } = context;
      const node = anyNode(context);
      const { toRedis } = node;
      const droppedBefore = toRedis.dropped;
      const isEvent = (channel: string) => channel !== `${PREFIX}{seats}`;
      toRedis.dropMessages((channel) => isEvent(channel) && random() < 0.2);
      await sleep(4000);
      toRedis.dropMessages(isEvent);
      await world.publishers.burst('alerts', 3);
      await sleep(1500);
      await world.publishers.pause();
      // The last message has passed the proxy by the time Redis has answered something later.
      await sleep(300);
      const dropped = toRedis.dropped - droppedBefore;
      world.log(`  dropped ${dropped} messages`);
      if (context.alone && dropped === 0)
        world.violation(`node ${node.index}`, 'the fault did not come about: no message was dropped');
      toRedis.heal();
      await expectRise(context, [node], 'tickcast_streams_found_behind_total', () => world.reconcile());
    },
  },
  {
    name: 'poison',
    about: 'what is not an event is published: not JSON, wrong type, wrong key, forged envelopes, 64 MB',
    part: 'node',
    async run({ world }) {
      const pids = world.nodes.map(({ edge }) => edge.pid);
      for (const channel of ['{alerts}', '{market_data:SYM3}', '{agent_status}', '{backtest_progress}']) {
        for (const bytes of POISON) await world.redisCommands.publish(PREFIX + channel, bytes).catch(() => undefined);
      }
      await world.redisCommands.publish(`${PREFIX}{alerts}`, Buffer.alloc(LARGE_BYTES, 'x')).catch(() => undefined);
      await sleep(3000);
      for (const [index, { edge }] of world.nodes.entries()) {
        const { status } = await edge.admin('/livez').catch(() => ({ status: 0 }));
        if (status !== 200 || edge.pid !== pids[index]) world.violation(`node ${index}`, 'did not outlive poison');
      }
    },
  },
];

const POISON: readonly Buffer[] = [
  'not JSON',
  '[]',
  '{"type":"market_data","symbol":"OTHER","data":{"timestamp":1,"price":1,"volume":1,"n":1}}',
  '{"type":"alerts","data":{"level":1}}',
  '{"type":"hello"}',
  'T1 nonsense',
  'T1 5 someepoch 1.5 1 *\nnot JSON',
  '',
]
  .map((text) => Buffer.from(text))
  .concat(Buffer.from([0xff, 0xfe, 0x00, 0x7b]));
