/** SPEC 3, 4: replays of alerts under load, on slow links, and cut short. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { type EdgeProcess, eventually, seededRandom } from '@tickcast/testing';
import { forgetClusters, startCluster } from './support/cluster.ts';
import { epochOf, guest, publishAlerts, told } from './support/recovery-world.ts';
import { behindLink } from './support/slow-reader.ts';
import { startStopwatch } from './support/stopwatch.ts';
import { alertWith, firstDifference, run, storyOf } from './support/story.ts';

afterAll(forgetClusters);

const subscribe = { type: 'subscribe', channel: 'alerts' };
const PADDING = 'x'.repeat(40_000);

test.concurrent(
  'clients that subscribe with since while alerts come as fast as they can miss none and get none twice where past and live meet',
  async () => {
    const cluster = await startCluster({ edges: 2 });
    const random = seededRandom(20_260_301);
    const count = 6000;
    const clients = await Promise.all(Array.from({ length: 40 }, (_, index) => guest(cluster.edge(index % 2))));
    await publishAlerts(cluster, 1);
    const epoch = await epochOf(cluster);
    let published = 1;
    const publishing = (async () => {
      while (published < count) published = await publishAlerts(cluster, 50);
    })();
    const froms = await Promise.all(
      clients.map(async (client) => {
        const moment = random() * count * 0.9;
        await eventually(() => published >= moment, { withinMs: 20_000 });
        const seq = Math.floor(random() * published);
        expect(await client.request({ ...subscribe, since: { epoch, seq } }, 15_000)).toMatchObject({
          recovered: true,
        });
        return seq;
      }),
    );
    await publishing;
    const last = await publishAlerts(cluster, 1);
    for (const [index, client] of clients.entries()) {
      await client.next(alertWith(last), 20_000);
      const [answer, ...pushes] = storyOf(client, [epoch]);
      expect(answer).toMatch(/^subscribed e1 \d+ recovered$/);
      const from = (froms[index] ?? 0) + 1;
      const replayed = pushes.filter((line) => line.endsWith(' recovered')).length;
      const whole = [...run(from, from + replayed - 1, 'recovered'), ...run(from + replayed, last)];
      expect(firstDifference(pushes, whole)).toBeNull();
    }
  },
  60_000,
);

test.concurrent(
  'a log of many MiB goes to a slow reader in pages: little of it waits in the node, and other clients get live alerts meanwhile',
  async () => {
    const cluster = await startCluster({ env: { TICKCAST_MAX_BUFFERED_BYTES: '262144' } });
    await publishAlerts(cluster, 250, PADDING);
    const epoch = await epochOf(cluster);
    const quick = await guest(cluster.edge(0));
    await quick.request(subscribe);
    // It would take half a minute for all of it.
    const { client: slow, link } = await behindLink(cluster.edge(0), 300_000);
    const waiting: number[] = [];
    await slow.request({ ...subscribe, since: { epoch, seq: 0 } });
    for (let seq = 251; seq <= 260; seq++) {
      await publishAlerts(cluster, 1);
      await quick.next(alertWith(seq));
      waiting.push(await bufferedBytes(cluster.edge(0)));
    }
    expect(slow.received('alerts').length).toBeLessThan(200);
    link.shape({});
    await slow.next(alertWith(260), 20_000);
    const story = storyOf(slow, [epoch]);
    expect(story[0]).toBe('subscribed e1 250 recovered');
    expect(story.slice(1).map((line) => Number(line.split(' ')[0]))).toEqual(run(1, 260).map(Number));
    expect(Math.max(...waiting)).toBeLessThanOrEqual(262_144);
    expect(storyOf(quick, [epoch])).toEqual(['subscribed e1 250', ...run(251, 260)]);
  },
  60_000,
);

test.concurrent(
  'a replay that its client does not read ends with slow_consumer and 4410 after 30 s, and since then brings the rest',
  async () => {
    const cluster = await startCluster({ env: { TICKCAST_IDLE_TIMEOUT_SECONDS: '120' } });
    await publishAlerts(cluster, 380, PADDING);
    const epoch = await epochOf(cluster);
    const client = await guest(cluster.edge(0));
    const beside = await guest(cluster.edge(0));
    await beside.request(subscribe);
    client.send({ ...subscribe, id: 'since', since: { epoch, seq: 0 } });
    client.socket.pause();
    const pausedAt = performance.now();
    const sincePause = startStopwatch();
    // It is there, unlike a peer that is cut for having answered nothing in 30 s.
    const pings = setInterval(() => client.socket.ping(), 5000);
    await eventually(async () => (await connections(cluster.edge(0))).length === 1, { withinMs: 50_000 });
    clearInterval(pings);
    expect(performance.now() - pausedAt).toBeGreaterThanOrEqual(29_000);
    expect(sincePause.stop()).toBeLessThanOrEqual(33_500);
    client.socket.resume();
    expect(await client.closed).toMatchObject({ code: 4410 });
    const story = storyOf(client, [epoch]);
    expect(story.at(-1)).toBe('error slow_consumer');
    const got = story.length - 2;
    expect(story.slice(1, -1)).toEqual(run(1, got, 'recovered'));
    expect(got).toBeLessThan(380);
    const back = await guest(cluster.edge(0));
    await back.request({ ...subscribe, since: { epoch, seq: got } });
    await back.next(alertWith(380), 10_000);
    await publishAlerts(cluster, 1);
    await back.next(alertWith(381));
    const rest = ['subscribed e1 380 recovered', ...run(got + 1, 380, 'recovered'), '381'];
    expect(firstDifference(storyOf(back, [epoch]), rest)).toBeNull();
    expect(await told(beside, 2, [epoch])).toEqual(['subscribed e1 380', '381']);
  },
  70_000,
);

/** A replay of all alerts that were published, behind a narrow link, at the moment when the client has so many. */
async function startReplay(published: number, received: number) {
  const cluster = await startCluster({ env: { TICKCAST_MAX_BUFFERED_BYTES: '262144' } });
  await publishAlerts(cluster, published, PADDING);
  const epoch = await epochOf(cluster);
  const { client, link } = await behindLink(cluster.edge(0), 1_500_000);
  await client.request({ ...subscribe, since: { epoch, seq: 0 } });
  await client.next(alertWith(received));
  return { cluster, epoch, client, link };
}

test.concurrent(
  'unsubscribing ends a replay at once, and a new subscribe with since goes on from any place',
  async () => {
    const { cluster, epoch, client, link } = await startReplay(250, 20);
    await client.request({ type: 'unsubscribe', channel: 'alerts' }, 15_000);
    const before = storyOf(client, [epoch]);
    expect(before).toEqual(['subscribed e1 250 recovered', ...run(1, before.length - 2, 'recovered'), 'unsubscribed']);
    expect(before.length).toBeLessThan(250);
    await publishAlerts(cluster, 1);
    await client.request({ type: 'ping' });
    expect(storyOf(client, [epoch])).toEqual(before);
    link.shape({});
    await client.request({ ...subscribe, since: { epoch, seq: 240 } });
    await client.next(alertWith(251));
    await publishAlerts(cluster, 1);
    await client.next(alertWith(252));
    expect(storyOf(client, [epoch]).slice(before.length)).toEqual([
      'subscribed e1 251 recovered',
      ...run(241, 251, 'recovered'),
      '252',
    ]);
  },
  60_000,
);

test.concurrent(
  'a second subscribe with since in the middle of a replay takes its place: behind its answer all comes once from where it asked',
  async () => {
    const { cluster, epoch, client, link } = await startReplay(200, 10);
    const again = client.request({ ...subscribe, since: { epoch, seq: 5 } }, 20_000);
    await publishAlerts(cluster, 5);
    await again;
    link.shape({});
    await publishAlerts(cluster, 1);
    await client.next(alertWith(206));
    const story = storyOf(client, [epoch]);
    const second = story.findLastIndex((line) => line.startsWith('subscribed'));
    expect(second).toBeGreaterThan(10);
    expect(story.slice(0, second)).toEqual(['subscribed e1 200 recovered', ...run(1, second - 1, 'recovered')]);
    const replayed = story.slice(second + 1).filter((line) => line.endsWith(' recovered')).length;
    expect(story.slice(second + 1)).toEqual([...run(6, 5 + replayed, 'recovered'), ...run(6 + replayed, 206)]);
    // One subscription, whatever it went through.
    expect(await client.request({ type: 'unsubscribe', channel: 'alerts' })).toMatchObject({ count: 0 });
  },
  60_000,
);

test.concurrent(
  'a second subscribe without since in the middle of a replay changes nothing',
  async () => {
    const { cluster, client, link } = await startReplay(200, 10);
    const again = client.request(subscribe, 20_000);
    await publishAlerts(cluster, 5);
    await again;
    link.shape({});
    await client.next(alertWith(205));
    const seqs = client.received('alerts').map(({ seq }) => seq);
    expect(seqs).toEqual(run(1, 205).map(Number));
  },
  60_000,
);

test.concurrent(
  'a node that drains in the middle of a replay closes 1012, and another brings the rest',
  async () => {
    const env = { TICKCAST_MAX_BUFFERED_BYTES: '262144', TICKCAST_DRAIN_SECONDS: '2' };
    const cluster = await startCluster({ edges: 2, env });
    await publishAlerts(cluster, 250, PADDING);
    const epoch = await epochOf(cluster);
    // Some times as long for all of it as the drain takes.
    const { client } = await behindLink(cluster.edge(0), 1_000_000);
    await client.request({ ...subscribe, since: { epoch, seq: 0 } });
    await client.next(alertWith(5));
    const stopped = cluster.edge(0).stop();
    await client.closed;
    const seqs = client.received('alerts').map(({ seq }) => Number(seq));
    expect(seqs).toEqual(run(1, seqs.length).map(Number));
    const back = await guest(cluster.edge(1));
    await back.request({ ...subscribe, since: { epoch, seq: seqs.length } });
    await back.next(alertWith(250), 10_000);
    await publishAlerts(cluster, 1);
    await back.next(alertWith(251));
    expect(
      firstDifference(storyOf(back, [epoch]).slice(1), [...run(seqs.length + 1, 250, 'recovered'), '251']),
    ).toBeNull();
    expect(await stopped).toMatchObject({ code: 0 });
  },
  60_000,
);

test.concurrent.each([true, false])(
  'while Redis does not answer, since for alerts is backplane_unavailable within 1 s and the connection stays; held by the node: %s',
  async (held) => {
    const cluster = await startCluster();
    const client = await guest(cluster.edge(0));
    const watcher = await guest(cluster.edge(0));
    if (held) await watcher.request(subscribe);
    await publishAlerts(cluster, 3);
    const epoch = await epochOf(cluster);
    if (held) await watcher.next(alertWith(3));
    cluster.redis.pause();
    const asking = startStopwatch();
    const answer = await client.request({ ...subscribe, since: { epoch, seq: 1 } });
    const tookMs = asking.stop();
    expect(answer).toMatchObject({ type: 'error', error: 'backplane_unavailable', retry_after_ms: expect.any(Number) });
    // A busy machine may be late in asking and in hearing.
    expect(tookMs).toBeLessThan(1500);
    cluster.redis.resume();
    await eventually(() => cluster.commands.status === 'ready');
    expect(await client.request({ type: 'list' })).toMatchObject({ subscriptions: [], count: 0 });
    const again = () => client.request({ ...subscribe, since: { epoch, seq: 1 } });
    await eventually(async () => (await again()).type === 'subscribed', { withinMs: 10_000 });
    await publishAlerts(cluster, 1);
    await client.next(alertWith(4));
    expect(client.received('alerts').map(({ seq }) => seq)).toEqual([2, 3, 4]);
    const live = held ? [1, 2, 3, 4] : [];
    await eventually(() => watcher.received('alerts').length === live.length);
    expect(watcher.received('alerts').map(({ seq }) => seq)).toEqual(live);
  },
);

test.concurrent(
  'a replay goes on where it was when Redis comes back from an outage in the middle of it',
  async () => {
    const { cluster, client, link } = await startReplay(200, 10);
    cluster.redis.pause();
    link.shape({});
    await client.next((frame) => frame['state'] === 'degraded', 15_000);
    cluster.redis.resume();
    const last = await eventually(() => publishAlerts(cluster, 1), { withinMs: 10_000 });
    await client.next(alertWith(last), 15_000);
    expect(client.received('alerts').map(({ seq }) => seq)).toEqual(run(1, last).map(Number));
  },
  60_000,
);

async function connections(edge: EdgeProcess): Promise<Array<{ buffered_bytes: number }>> {
  const { body } = await edge.admin('/connz');
  return (JSON.parse(body) as { connections: Array<{ buffered_bytes: number }> }).connections;
}

async function bufferedBytes(edge: EdgeProcess): Promise<number> {
  await sleep(30);
  return Math.max(...(await connections(edge)).map(({ buffered_bytes }) => buffered_bytes));
}
