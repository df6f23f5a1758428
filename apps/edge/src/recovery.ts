import { isEpoch } from '@tickcast/backplane';
import type { Since } from '@tickcast/protocol';
import type { Aside } from './aside.ts';
import type { Connection } from './connection.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import { sendDelivery, sendGap } from './loss.ts';
import { Replay } from './replay.ts';
import type { Hole, Stream } from './stream.ts';

/** What `since` comes to. */
export interface Recovery {
  /** Whether nothing is lost of what the client has missed. */
  recovered: boolean;
  /** Whether this node's last value is one that the client has already passed. */
  isAhead: boolean;
  /** Brings the client up to date; to be called once, right behind the answer to its `subscribe`. */
  start(): void;
}

/** A client and the one stream it wants to go on with. */
interface Returning {
  connection: Connection;
  feed: Feed;
  stream: Stream;
  since: Since;
}

const NOTHING_MISSED: Recovery = { recovered: true, isAhead: false, start: () => undefined };

/**
 * Works out how a client gets from the last event it has to where this node stands, and calls back in the turn in which
 * that is true, so that nothing falls between.
 * @param onReady null: Redis has to be asked, and did not answer
 */
export function prepareRecovery(returning: Returning, hub: Hub, onReady: (recovery: Recovery | null) => void): void {
  const { connection, feed, stream, since } = returning;
  const { asides } = connection.subscriptions;
  const node = stream.deliveredTo;
  const isUnknown = () => onReady(null);
  const isKnown = (recovery: Recovery, replays = false) => {
    const start = () => {
      asides.get(feed)?.forget(stream);
      if (!replays) asides.get(feed)?.endReplay();
      recovery.start();
      asides.get(feed)?.endIfOver();
    };
    onReady({ ...recovery, start });
  };
  if (node?.epoch === since.epoch && node.seq === since.seq) isKnown(NOTHING_MISSED);
  else if (!isEpoch(since.epoch)) isKnown(lost(returning, { epoch: since.epoch, from: since.seq + 1, to: null }));
  else if (stream.id.channel === 'alerts')
    prepareReplay(returning, hub).then((recovery) => isKnown(recovery, true), isUnknown);
  else if (stream.epoch === since.epoch && since.seq <= stream.seq) isKnown(fromLastValue(returning, true));
  else hub.hasReached(stream.id, since).then((exists) => isKnown(fromLastValue(returning, exists)), isUnknown);
}

/**
 * Of all channels but alerts there is the last value only, which stands for what lies between.
 * @param exists whether the client's last event is one that Redis knows of
 */
function fromLastValue(returning: Returning, exists: boolean): Recovery {
  const { connection, feed, stream, since } = returning;
  const { epoch, seq } = since;
  const { deliveredTo: node, delivered: last } = stream;
  if (!exists) return lost(returning, { epoch, from: seq + 1, to: null });
  if (node?.epoch !== epoch || node.seq < seq) {
    // This node holds newer events back for their moment, or has them on their way.
    const start = () => connection.subscriptions.asides.enter(feed).setFloor(stream, { position: since, owed: [] });
    return { recovered: true, isAhead: true, start };
  }
  if (node.seq === seq) return NOTHING_MISSED;
  if (last?.epoch === epoch && last.seq === node.seq && stream.standsFrom <= seq) {
    const delivery = { event: last, conflated: last.seq - seq - 1, holes: [] };
    return { recovered: true, isAhead: false, start: () => sendDelivery(connection, stream, delivery, true) };
  }
  return lost(returning, { epoch, from: seq + 1, to: node.seq });
}

async function prepareReplay(returning: Returning, hub: Hub): Promise<Recovery> {
  const { connection, feed, stream } = returning;
  const aside = connection.subscriptions.asides.enter(feed);
  const before = aside.replay;
  const meanwhile = before?.end() ?? [];
  const replay = beginReplay(returning, hub, aside);
  try {
    const recovered = await replay.open();
    hub.replayed(recovered);
    return { recovered, isAhead: false, start: () => replay.run() };
  } catch (error) {
    if (aside.replay === replay) {
      aside.replay = null;
      const missed = [...meanwhile, ...replay.end()];
      // The replay that it was to follow goes on from where it was.
      if (before?.hasBegun) beginReplay({ ...returning, since: before.position }, hub, aside).goOn();
      else for (const delivery of missed) aside.offer(stream, delivery);
      aside.endIfOver();
    }
    throw error;
  }
}

function beginReplay({ connection, feed, stream, since }: Returning, hub: Hub, aside: Aside): Replay {
  const replay = new Replay({
    connection,
    stream,
    since,
    read: (from) => hub.readLog(from, connection.pageBytes),
    now: hub.now,
    onDone: (position, missed) => {
      aside.replay = null;
      const node = stream.deliveredTo;
      if (missed.length > 0) declare({ connection, feed, stream }, missed);
      else if (node?.epoch !== position.epoch || node.seq !== position.seq) {
        aside.setFloor(stream, { position, owed: [] });
      }
      aside.endIfOver();
    },
  });
  aside.replay = replay;
  return replay;
}

function lost(returning: Returning, hole: Hole): Recovery {
  return { recovered: false, isAhead: false, start: () => declare(returning, [hole]) };
}

/** Tells a client what it will not get: at once if it opted in, else with its next push. */
function declare({ connection, feed, stream }: Omit<Returning, 'since'>, owed: readonly Hole[]): void {
  if (connection.optedIn) for (const hole of owed) sendGap(connection, stream, hole);
  else if (stream.deliveredTo) {
    connection.subscriptions.asides.enter(feed).setFloor(stream, { position: stream.deliveredTo, owed });
  }
}
