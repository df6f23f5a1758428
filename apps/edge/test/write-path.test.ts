/** A node under load: what is due soon leaves together, alerts before quotes, and nothing is lost or doubled by it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Member, eventually, joinCrowd, mintToken } from '@tickcast/testing';
import { type Cluster, forgetClusters, startCluster } from './support/cluster.ts';
import { alert, marketData } from './support/frames.ts';

/** Together 14,400 deliveries a second. */
const MEMBERS = 120;
const EACH = 12;
const PER_SECOND = 10;
const SYMBOLS = Array.from({ length: 24 }, (_, n) => `${2000 + n}.HK`);

type Frame = Record<string, unknown>;

let cluster: Cluster;
/** Of each member what it got, in order. */
const inboxes: Frame[][] = Array.from({ length: MEMBERS }, () => []);
let members: Member[];

beforeAll(async () => {
  cluster = await startCluster({ edges: 1 });
  const tokens = await Promise.all(inboxes.map((_, n) => mintToken({ sub: `member-${n}` })));
  members = tokens.map((token, n) => joinCrowd(cluster.edge(0).url, token, (frame) => inboxes[n]?.push(frame)));
  await Promise.all(members.map(({ arrival }) => arrival));
  for (const [n, member] of members.entries()) {
    member.send({ type: 'subscribe', channel: 'market_data', symbols: symbolsOf(n), id: 'quotes' });
    member.send({ type: 'subscribe', channel: 'alerts', id: 'alerts' });
  }
  await eventually(() => inboxes.every((inbox) => inbox.filter(({ type }) => type === 'subscribed').length === 2), {
    withinMs: 10_000,
  });
}, 30_000);
afterAll(async () => {
  for (const member of members) member.breakOff();
  await forgetClusters();
});

const symbolsOf = (member: number) =>
  Array.from({ length: EACH }, (_, n) => SYMBOLS[(member + n) % SYMBOLS.length] ?? '');

async function metric(name: string): Promise<number> {
  const { body } = await cluster.edge(0).admin('/metrics');
  return Number(new RegExp(`^tickcast_${name} (\\S+)$`, 'm').exec(body)?.[1]);
}

/** Publishes at an even rate until it is told to stop, then answers how many quotes each symbol had. */
function startLoad(): { stop(): Promise<Map<string, number>> } {
  const published = new Map<string, number>();
  const startedAt = performance.now();
  let count = 0;
  let answered: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1000) * PER_SECOND * SYMBOLS.length;
    for (; count < due; count += 1) {
      const symbol = SYMBOLS[count % SYMBOLS.length] ?? '';
      published.set(symbol, (published.get(symbol) ?? 0) + 1);
      const frame = JSON.stringify(marketData(symbol, count));
      answered = Promise.all([answered, cluster.publisher.publish({ channel: 'market_data', key: symbol }, frame)]);
    }
  }, 2);
  return {
    async stop() {
      clearInterval(timer);
      await answered;
      return published;
    },
  };
}

/** Publishes a quote and, on its heels, an alert. @returns whether the alert came first */
async function alertOvertakes(round: number): Promise<boolean> {
  const [symbol = ''] = symbolsOf(0);
  const inbox = inboxes[0] ?? [];
  const from = inbox.length;
  const message = `overtaking ${round}`;
  const quote = cluster.publisher.publish(
    { channel: 'market_data', key: symbol },
    JSON.stringify(marketData(symbol, 1)),
  );
  const seq = cluster.publisher.publish({ channel: 'alerts', key: null }, JSON.stringify(alert(message)));
  const [quoteSeq, alertSeq] = await Promise.all([quote, seq]);
  const placeOf = (type: string, reached: number) =>
    inbox.findIndex(
      (frame, place) => place >= from && frame['type'] === type && isOf(frame) && Number(frame['seq']) >= reached,
    );
  const isOf = (frame: Frame) => frame['type'] === 'alerts' || frame['symbol'] === symbol;
  await eventually(() => placeOf('alerts', alertSeq) >= 0 && placeOf('market_data', quoteSeq) >= 0);
  return placeOf('alerts', alertSeq) < placeOf('market_data', quoteSeq);
}

test('while clients get many quotes a second they leave together, an alert overtakes them, and afterwards each leaves at once', async () => {
  const load = startLoad();
  await eventually(async () => (await metric('write_window_milliseconds')) > 0, { withinMs: 10_000 });
  const before = { frames: await metric('fanout_frames_total'), writes: await metric('fanout_writes_total') };
  await eventually(async () => (await metric('fanout_frames_total')) - before.frames > 20_000, { withinMs: 15_000 });
  const frames = (await metric('fanout_frames_total')) - before.frames;
  const writes = (await metric('fanout_writes_total')) - before.writes;
  expect(frames / writes).toBeGreaterThan(1.5);

  const rounds: boolean[] = [];
  while (!rounds.includes(true) && rounds.length < 50) rounds.push(await alertOvertakes(rounds.length));
  expect(rounds).toContain(true);

  const published = await load.stop();
  const [extra = ''] = symbolsOf(0);
  published.set(extra, (published.get(extra) ?? 0) + rounds.length);
  // Each to its last event, which says of all before it whether they came or were merged.
  await eventually(() => inboxes.every((inbox, n) => isComplete(inbox, symbolsOf(n), published)), { withinMs: 10_000 });
  const alertsOf = (inbox: readonly Frame[]) => inbox.filter(({ type }) => type === 'alerts');
  await eventually(() => inboxes.every((inbox) => alertsOf(inbox).length >= rounds.length));
  for (const inbox of inboxes) {
    expect(alertsOf(inbox)).toHaveLength(rounds.length);
    expect(inbox.filter(({ type }) => type === 'error' || type === 'gap')).toEqual([]);
  }
  // Nothing comes any more that would be an occasion to look.
  await eventually(async () => (await metric('write_window_milliseconds')) === 0, { withinMs: 10_000 });
}, 60_000);

test('alerts, however many, open no window: no quote waits for them', async () => {
  const before = await metric('fanout_frames_total');
  const windows: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const frames = Array.from({ length: 20 }, (_, n) => JSON.stringify(alert(`round ${round}, ${n}`)));
    await Promise.all(frames.map((frame) => cluster.publisher.publish({ channel: 'alerts', key: null }, frame)));
    windows.push(await metric('write_window_milliseconds'));
  }
  await eventually(async () => (await metric('fanout_frames_total')) - before >= 20 * 20 * MEMBERS);
  expect(new Set(windows)).toEqual(new Set([0]));
}, 30_000);

/** Whether every event of the symbols came once and in order, or was merged into a later one, up to the last. */
function isComplete(
  inbox: readonly Frame[],
  symbols: readonly string[],
  published: ReadonlyMap<string, number>,
): boolean {
  return symbols.every((symbol) => {
    let last = 0;
    for (const frame of inbox) {
      if (frame['type'] !== 'market_data' || frame['symbol'] !== symbol || frame['snapshot'] === true) continue;
      const seq = Number(frame['seq']);
      expect(seq - Number(frame['conflated'] ?? 0)).toBe(last + 1);
      last = seq;
    }
    return last === published.get(symbol);
  });
}
