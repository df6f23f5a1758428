/** SPEC 3, 4: a client that reads too slowly gets the newest of what may be merged, every event accounted for, and is not closed for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import { type Frame, type TestClient, eventually } from '@tickcast/testing';
import { breaks, conflatedIn, eventsIn, isNumbered } from './support/arrivals.ts';
import { type Cluster, forgetClusters, startCluster } from './support/cluster.ts';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { ALERTS, guest, loseEvents, startFaultyWorld } from './support/recovery-world.ts';
import { behindLink } from './support/slow-reader.ts';
import { run, storyOf } from './support/story.ts';

/** Far less than the kernel takes, so that a client is behind soon after that is full. */
const env = { TICKCAST_MAX_BUFFERED_BYTES: '262144', TICKCAST_IDLE_TIMEOUT_SECONDS: '120' };
/** A round of all symbols is well over what the kernels on the way take in all. */
const LARGE = 'x'.repeat(60_000);
/** Longer than a tenth of a second: no quote is merged for its pace. */
const ROUND_MS = 150;

afterAll(forgetClusters);

test.concurrent(
  'a client that stops reading with 30 hot symbols stays, and afterwards has the newest of each, with conflated for the rest',
  async () => {
    const cluster = await startCluster({ env });
    const symbols = Array.from({ length: 30 }, (_, index) => `HOT${index}`);
    const subscribe = { type: 'subscribe', channel: 'market_data', symbols };
    const [slow, quick] = [await guest(cluster.edge(0)), await guest(cluster.edge(0))];
    for (const client of [slow, quick]) await client.request(subscribe);
    slow.socket.pause();
    const rounds = 10;
    await publishRounds(cluster, symbols, rounds, quick);
    expect(quotesOf(quick).length).toBe(rounds * symbols.length);
    await eventually(async () => (await slowlyRead(cluster)) > 0);
    slow.socket.resume();
    await eventually(() => symbols.every((symbol) => quotesOf(slow, symbol).at(-1)?.['seq'] === rounds), {
      withinMs: 10_000,
    });
    await publishRounds(cluster, symbols, 1, quick);
    await eventually(() => symbols.every((symbol) => quotesOf(slow, symbol).at(-1)?.['seq'] === rounds + 1));
    for (const symbol of symbols) {
      const got = quotesOf(slow, symbol);
      expect(breaks(got, 0)).toEqual([]);
      expect(eventsIn(got)).toBe(rounds + 1);
      expect(conflatedIn(got.at(-1) ?? { type: '' })).toBe(0);
      expect(storyOf(quick, [], symbol)).toEqual(run(1, rounds + 1));
    }
    expect(quotesOf(slow).length).toBeLessThan(rounds * symbols.length);
    expect(slow.received('gap')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'alerts come complete and in order to a client whose quotes wait, and so do frames outside numbering, counted by themselves',
  async () => {
    const cluster = await startCluster({ env });
    const symbols = Array.from({ length: 12 }, (_, index) => `S${index}`);
    const slow = await guest(cluster.edge(0));
    await slow.request({ type: 'subscribe', channel: 'market_data', symbols });
    await slow.request({ type: 'subscribe', channel: 'alerts' });
    slow.socket.pause();
    let rounds = 0;
    while (rounds < 14 || (await slowlyRead(cluster)) === 0) {
      rounds += 1;
      await publishRounds(cluster, symbols, 1);
      await cluster.publisher.publish(ALERTS, JSON.stringify(alert(`alert ${rounds}`)));
      await cluster.publisher.publishRaw(ALERTS, JSON.stringify(alert(`raw ${rounds}`)));
      await cluster.publisher.publishRaw(
        { channel: 'market_data', key: 'S0' },
        JSON.stringify(marketData('S0', rounds)),
      );
    }
    slow.socket.resume();
    await eventually(() => symbols.every((symbol) => numberedOf(slow, symbol).at(-1)?.['seq'] === rounds), {
      withinMs: 10_000,
    });
    const texts = () => slow.received('alerts').map(({ data }) => (data as { message: string }).message);
    await eventually(() => texts().length === 2 * rounds);
    expect(texts()).toEqual(Array.from({ length: rounds }, (_, i) => [`alert ${i + 1}`, `raw ${i + 1}`]).flat());
    for (const symbol of symbols) {
      expect(breaks(numberedOf(slow, symbol), 0)).toEqual([]);
      expect(eventsIn(numberedOf(slow, symbol))).toBe(rounds);
    }
    const raw = () => quotesOf(slow, 'S0').filter((frame) => !isNumbered(frame));
    await eventually(() => eventsIn(raw()) === rounds);
    expect(raw().at(-1)).toMatchObject({ data: { price: rounds } });
    expect(slow.received('error')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'no change of status is merged away from a client that does not read, while refreshes are, and what the node lost is declared in its place',
  async () => {
    const { cluster, edge, proxy } = await startFaultyWorld({ env });
    const slow = await guest(edge);
    await slow.request({ type: 'subscribe', channel: 'agent_status' });
    slow.socket.pause();
    const agents = Array.from({ length: 10 }, (_, index) => `agent-${index}`);
    // Of agent-9 a change of status is lost, and hidden by the next.
    loseEvents(proxy, [22], 'agent-9');
    const statuses = [
      ...Array.from({ length: 20 }, () => 'running'),
      'paused',
      'error',
      'running',
      'running',
      'stopped',
    ];
    const publishing: Array<Promise<number>> = [];
    for (const [index, status] of statuses.entries()) {
      const refreshes = index > 0 && statuses[index - 1] === status;
      publishing.push(
        ...agents.map((agent) =>
          cluster.publisher.publish(agentId(agent), large(agentStatus(agent, status), refreshes)),
        ),
      );
      // The next is on the heels of what is lost: left alone, a node finds that by itself.
      if (index + 1 === 22) continue;
      await Promise.all(publishing.splice(0));
      await sleep(50);
    }
    await eventually(async () => (await slowlyRead(cluster)) > 0);
    slow.socket.resume();
    for (const agent of agents) {
      const got = () => slow.received((frame) => frame['agent_id'] === agent || frame['key'] === agent);
      await eventually(() => got().at(-1)?.['seq'] === statuses.length, { withinMs: 10_000 });
      const changes = ['running', 'paused', ...(agent === 'agent-9' ? [] : ['error']), 'running', 'stopped'];
      const pushes = got().filter(({ type }) => type === 'agent_status');
      const seen = pushes.map(({ data }) => (data as { status: string }).status);
      expect(seen.filter((status, index) => status !== seen[index - 1])).toEqual(changes);
      const declared = agent === 'agent-9' ? 1 : 0;
      expect(eventsIn(pushes)).toBe(statuses.length - declared);
      const gaps = got().filter(({ type }) => type === 'gap');
      expect(gaps.map(({ from, to }) => ({ from, to }))).toEqual(declared ? [{ from: 22, to: 22 }] : []);
      expect(pushes.length).toBeLessThan(statuses.length);
    }
    expect(slow.received('error')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'what a client unsubscribes from while it is behind does not come afterwards, and what it subscribes to begins with its snapshot',
  async () => {
    const cluster = await startCluster({ env });
    const symbols = Array.from({ length: 20 }, (_, index) => `S${index}`);
    const all = [...symbols, 'NEW'];
    const slow = await guest(cluster.edge(0));
    const watcher = await guest(cluster.edge(0));
    await watcher.request({ type: 'subscribe', channel: 'market_data', symbols: all });
    await slow.request({ type: 'subscribe', channel: 'market_data', symbols });
    slow.socket.pause();
    await publishRounds(cluster, all, 8, watcher);
    await eventually(async () => (await slowlyRead(cluster)) > 0);
    const answers = [
      slow.request({ type: 'unsubscribe', channel: 'market_data', symbol: 'S0' }, 15_000),
      slow.request({ type: 'unsubscribe', channel: 'market_data', symbol: 'S1' }, 15_000),
      slow.request({ type: 'subscribe', channel: 'market_data', symbol: 'S1' }, 15_000),
      slow.request({ type: 'subscribe', channel: 'market_data', symbol: 'S2' }, 15_000),
      slow.request({ type: 'subscribe', channel: 'market_data', symbol: 'NEW' }, 15_000),
    ];
    await publishRounds(cluster, all, 2, watcher);
    slow.socket.resume();
    await Promise.all(answers);
    const last = () => all.slice(1).every((symbol) => quotesOf(slow, symbol).at(-1)?.['seq'] === 10);
    await eventually(last, { withinMs: 10_000 });
    await publishRounds(cluster, all, 1);
    await eventually(() => all.slice(1).every((symbol) => quotesOf(slow, symbol).at(-1)?.['seq'] === 11));
    const behind = (symbol: string, type: string) => {
      const from = slow.frames.findIndex(({ frame }) => frame.type === type && frame['key'] === symbol);
      return slow.frames.slice(from).flatMap(({ frame }) => (frame['symbol'] === symbol ? [frame] : []));
    };
    expect(behind('S0', 'unsubscribed')).toEqual([]);
    expect(breaks(quotesOf(slow, 'S0'), 0)).toEqual([]);
    for (const symbol of ['S1', 'NEW']) {
      const [snapshot, ...pushes] = behind(symbol, 'subscribed');
      expect(snapshot).toMatchObject({ snapshot: true });
      expect(pushes.filter((frame) => frame['snapshot'] === true)).toEqual([]);
      expect(breaks(pushes, Number(snapshot?.['seq']))).toEqual([]);
    }
    // S2 was subscribed to all along: a snapshot more, and not an event less or twice.
    expect(quotesOf(slow, 'S2').filter((frame) => frame['snapshot'] === true).length).toBe(1);
    expect(breaks(numberedOf(slow, 'S2'), 0)).toEqual([]);
    expect(eventsIn(numberedOf(slow, 'S2'))).toBe(11);
  },
  60_000,
);

test.concurrent(
  'all snapshots of thousands of backtests come once to a client that reads none of them at first, and later events follow on them',
  async () => {
    const cluster = await startCluster({ env: { ...env, TICKCAST_MAX_BUFFERED_BYTES: '65536' } });
    const backtests = Array.from({ length: 2500 }, (_, index) => `bt_${index}`);
    // More than the kernels on the way take.
    const padding = 'x'.repeat(7000);
    const publish = async (ids: readonly string[]) => {
      for (let from = 0; from < ids.length; from += 250) {
        const portion = ids.slice(from, from + 250);
        await Promise.all(
          portion.map((key) =>
            cluster.publisher.publish({ channel: 'backtest_progress', key }, padded(backtestProgress(key), padding)),
          ),
        );
      }
    };
    await publish(backtests);
    // A busy machine may take longer to read them all than a client is kept waiting.
    const witness = await guest(cluster.edge(0));
    const first = { type: 'subscribe', channel: 'backtest_progress', params: { backtest_id: 'bt_0' } };
    await eventually(async () => (await witness.request(first)).type === 'subscribed', { withinMs: 15_000 });
    const client = await guest(cluster.edge(0));
    client.send({ type: 'subscribe', channel: 'backtest_progress' });
    client.socket.pause();
    await eventually(
      async () => (await cluster.edge(0).admin('/connz')).body.match(/"buffered_bytes":[3-9]\d{4}/) !== null,
    );
    const busy = backtests.slice(-300);
    for (let round = 0; round < 3; round++) await publish(busy);
    client.socket.resume();
    const framesOf = new Map<unknown, Frame[]>();
    let looked = 0;
    const collect = () => {
      for (; looked < client.frames.length; looked++) {
        const frame = client.frames[looked]?.frame;
        if (frame?.type !== 'backtest_progress') continue;
        const key = frame['backtest_id'];
        framesOf.set(key, [...(framesOf.get(key) ?? []), frame]);
      }
      const isDone = (id: string, seq: number) => framesOf.get(id)?.at(-1)?.['seq'] === seq;
      return framesOf.size === backtests.length && busy.every((id) => isDone(id, 4));
    };
    await eventually(collect, { withinMs: 15_000 });
    await client.request({ type: 'ping' });
    collect();
    const wrong = [...framesOf].filter(([, [snapshot, ...pushes]]) => {
      const again = pushes.some((frame) => frame['snapshot'] === true);
      return snapshot?.['snapshot'] !== true || again || breaks(pushes, Number(snapshot['seq'])).length > 0;
    });
    expect(wrong.map(([id]) => id).slice(0, 3)).toEqual([]);
    expect(client.received('error')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'a client on a link too narrow for its symbols goes on for as long as it lasts, in and out of being behind, every event accounted for',
  async () => {
    const cluster = await startCluster({ env });
    const symbols = Array.from({ length: 20 }, (_, index) => `N${index}`);
    const { client, link } = await behindLink(cluster.edge(0), 1_000_000);
    await client.request({ type: 'subscribe', channel: 'market_data', symbols });
    await client.request({ type: 'subscribe', channel: 'alerts' });
    let rounds = 0;
    while (rounds < 20 || (await slowlyRead(cluster)) === 0) {
      rounds += 1;
      await publishRounds(cluster, symbols, 1);
      await cluster.publisher.publish(ALERTS, JSON.stringify(alert(`${rounds}`)));
    }
    link.shape({});
    await eventually(() => symbols.every((symbol) => quotesOf(client, symbol).at(-1)?.['seq'] === rounds), {
      withinMs: 15_000,
    });
    for (const symbol of symbols) {
      expect(breaks(quotesOf(client, symbol), 0)).toEqual([]);
      expect(eventsIn(quotesOf(client, symbol))).toBe(rounds);
    }
    await eventually(() => client.received('alerts').length === rounds);
    expect(client.received('alerts').map(({ seq }) => seq)).toEqual(run(1, rounds).map(Number));
  },
  60_000,
);

/**
 * Each symbol once a round, no more than its pace allows.
 * @param reader gets one round before the next: a node that was held up meanwhile would merge the two
 */
async function publishRounds(
  { publisher }: Cluster,
  symbols: readonly string[],
  rounds: number,
  reader?: TestClient,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const seqs = await Promise.all(
      symbols.map((symbol) =>
        publisher.publish({ channel: 'market_data', key: symbol }, padded(marketData(symbol), LARGE)),
      ),
    );
    const hasAll = (one: TestClient) =>
      symbols.every((symbol, index) => quotesOf(one, symbol).at(-1)?.['seq'] === seqs[index]);
    if (reader) await eventually(() => hasAll(reader));
    await sleep(ROUND_MS);
  }
}

function padded(frame: object, padding: string): string {
  const { data, ...rest } = frame as { data: object };
  return JSON.stringify({ ...rest, data: { ...data, padding } });
}

function large(frame: object, isLarge: boolean): string {
  return padded(frame, isLarge ? LARGE : '');
}

function agentId(key: string): StreamId {
  return { channel: 'agent_status', key };
}

function quotesOf(client: TestClient, symbol?: string): Frame[] {
  return client.received(
    (frame) => frame.type === 'market_data' && (symbol === undefined || frame['symbol'] === symbol),
  );
}

/** Without snapshots. */
function numberedOf(client: TestClient, symbol: string): Frame[] {
  return quotesOf(client, symbol).filter((frame) => isNumbered(frame) && frame['snapshot'] !== true);
}

/** How often the edge found a client too slow. */
async function slowlyRead(cluster: Cluster): Promise<number> {
  const { body } = await cluster.edge(0).admin('/metrics');
  const [, value] = /^tickcast_\w*paused\w* (\d+)/m.exec(body) ?? [];
  return Number(value);
}
