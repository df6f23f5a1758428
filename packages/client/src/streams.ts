import type { ServerClock } from './clock.ts';
import type { Connection } from './connection.ts';
import { TickcastError } from './errors.ts';
import type { Emit, StreamInfo } from './events.ts';
import { keyOf, nameOf } from './frames.ts';
import { type Channel, type ErrorFrame, type Gap, KEY_FIELDS, type Push } from './generated/protocol.ts';
import { HeldStream } from './held-stream.ts';
import type { Outcome, Since } from './stream-position.ts';
import type { Reader } from './subscription.ts';
import { normalKey } from './symbols.ts';
import { after } from './timer.ts';

/** Where the server does not say more exactly when to ask again, ms. */
const RETRY_MS = 1000;
/** Of `symbols` in one message: so many fit into it, however long they are. */
const MAX_SYMBOLS = 200;

interface StreamsParts {
  clock: ServerClock;
  emit: Emit;
  log: (line: string) => void;
}

/** All that the application wants, and what the server has of it. */
export interface Streams {
  /** Makes every subscription again. @param settled called when the server has answered them all */
  attach(connection: Connection, settled: () => void): void;
  detach(): void;
  /**
   * @param keys as the application wrote them; null for the one stream of the channel, or all of it
   * @param since of the last alert that the application has
   */
  join(reader: Reader, channel: Channel, keys: ReadonlyArray<string | null>, since?: Since): void;
  /** The reader wants nothing any more. */
  part(reader: Reader): void;
  push(frame: Push, raw: string): void;
  gap(frame: Gap, raw: string): void;
  /** The server ended subscriptions, and did not say which: it is asked what there still is. */
  reconcile(): void;
  end(error: TickcastError | null): void;
  describe(): StreamInfo[];
}

type Refusal = Pick<ErrorFrame, 'error' | 'detail' | 'retry_after_ms'>;

export function createStreams({ clock, emit, log }: StreamsParts): Streams {
  const held = new Map<string, HeldStream>();
  /** Names of what the server was asked to end, and has not yet. */
  const leaving = new Set<string>();
  let connection: Connection | undefined;
  let settled: (() => void) | undefined;

  const isHeld = (stream: HeldStream) => held.get(stream.name) === stream;

  const checkSettled = () => {
    if ([...held.values()].some(({ state }) => state !== 'answered')) return;
    settled?.();
    settled = undefined;
  };

  const refuse = (stream: HeldStream, { error, detail }: Refusal) => {
    // There is nothing at the server that could be ended.
    stream.state = 'unknown';
    for (const reader of stream.readers) reader.end(new TickcastError(error, detail));
  };

  const refused = (streams: readonly HeldStream[], since: Since | null, refusal: Refusal) => {
    if (refusal.error !== 'backplane_unavailable') for (const stream of streams) refuse(stream, refusal);
    else later(refusal.retry_after_ms ?? RETRY_MS, streams, since);
  };

  /** @param streams one; or without `since` symbols, which go together */
  const ask = (streams: readonly HeldStream[], since: Since | null) => {
    const [first] = streams;
    if (!first) return;
    for (const stream of streams) if (stream.state === 'unknown') stream.state = 'asked';
    log(`subscribe ${streams.map(({ name }) => name).join(' ')}${since ? ` since ${since.seq}` : ''}`);
    const target = streams.length > 1 ? { symbols: streams.map(({ key }) => key) } : targetOf(first);
    const message = { type: 'subscribe', channel: first.channel, ...target, ...(since && { since }) };
    connection?.request(message, (reply) => {
      if (reply.type === 'error') refused(streams.filter(isHeld), since, reply);
      else if (reply.type === 'subscribed') {
        const results = 'results' in reply ? reply.results : [reply];
        for (const [i, stream] of streams.entries()) {
          const result = results[i];
          // Given up meanwhile, and the `unsubscribe` came first.
          if (!held.has(stream.name) && !leaving.has(stream.name)) leave(stream);
          if (!result || !isHeld(stream)) continue;
          if ('error' in result) refused([stream], since, result);
          else {
            stream.state = 'answered';
            for (const reader of stream.readers) reader.confirmed(stream.name);
            apply(stream, stream.subscribed(result, since));
          }
        }
        checkSettled();
      }
    });
  };

  const later = (ms: number, streams: readonly HeldStream[], since: Since | null) => {
    const asked = connection;
    after(ms, () => asked === connection && ask(streams.filter(isHeld), since));
  };

  const apply = (stream: HeldStream, outcomes: readonly Outcome[], raw = '') => {
    for (const outcome of outcomes) {
      if (outcome.type === 'deliver') stream.deliver(outcome.frame, outcome.epoch, raw);
      else if (outcome.type === 'gap') {
        // Of two subscriptions that cover a stream, the one to this very stream tells.
        const own = held.get(nameOf(stream.channel, outcome.gap.key));
        if (stream.isSingle || own?.state !== 'answered') emit('gap', outcome.gap);
      } else if (outcome.afterMs > 0) later(outcome.afterMs, [stream], outcome.since);
      else ask([stream], outcome.since);
    }
  };

  const subscribe = (streams: readonly HeldStream[]) => {
    if (!connection) return;
    const together = streams.filter(({ channel, since }) => channel === 'market_data' && !since);
    for (let i = 0; i < together.length; i += MAX_SYMBOLS) ask(together.slice(i, i + MAX_SYMBOLS), null);
    for (const stream of streams) if (!together.includes(stream)) ask([stream], stream.since);
  };

  const leave = (stream: HeldStream) => {
    log(`unsubscribe ${stream.name}`);
    leaving.add(stream.name);
    connection?.request({ type: 'unsubscribe', channel: stream.channel, ...targetOf(stream) }, () => {
      leaving.delete(stream.name);
      // Subscribed anew before this came: it is gone, and is subscribed once more.
      const anew = held.get(stream.name);
      if (anew?.state === 'answered') ask([anew], anew.since);
    });
  };

  const drop = (stream: HeldStream) => {
    held.delete(stream.name);
    if (stream.state !== 'unknown') leave(stream);
    checkSettled();
  };

  const offer = (channel: Channel, key: string | null, raw: string, handle: (stream: HeldStream) => Outcome[]) => {
    // Of the stream itself, and of all in the channel.
    for (const name of new Set([nameOf(channel, key), channel])) {
      const stream = held.get(name);
      // Before the reply it is what is left of a subscription that was ended.
      if (stream?.state === 'answered') apply(stream, handle(stream), raw);
    }
  };

  const detach = () => {
    connection = settled = undefined;
    leaving.clear();
    for (const stream of held.values()) stream.disconnected();
  };

  return {
    attach(attached, whenSettled) {
      connection = attached;
      settled = whenSettled;
      subscribe([...held.values()]);
      checkSettled();
    },
    detach,
    join(reader, channel, keys, since) {
      const joined: HeldStream[] = [];
      for (const raw of keys) {
        const key = raw === null ? null : normalKey(channel, raw);
        const known = held.get(nameOf(channel, key));
        const problem = problemWith(raw, key, known, since);
        if (problem) {
          reader.end(new TickcastError('invalid_parameters', problem));
          return;
        }
        const stream = known ?? new HeldStream(channel, key, clock, since);
        held.set(stream.name, stream);
        stream.readers.add(reader);
        reader.awaits(stream.name);
        joined.push(stream);
      }
      for (const stream of joined) {
        if (stream.state === 'answered') reader.confirmed(stream.name);
        stream.greet(reader);
      }
      subscribe(joined.filter(({ state }) => state === 'unknown'));
    },
    part(reader) {
      for (const stream of held.values()) {
        if (stream.readers.delete(reader) && stream.readers.size === 0) drop(stream);
      }
    },
    push: (frame, raw) => offer(frame.type, keyOf(frame), raw, (stream) => stream.push(frame)),
    gap: (frame, raw) => offer(frame.channel, frame.key, raw, (stream) => stream.gap(frame)),
    reconcile() {
      const answered = [...held.values()].filter(({ state }) => state === 'answered');
      connection?.request({ type: 'list' }, (reply) => {
        if (reply.type !== 'subscriptions') return;
        const kept = new Set(reply.subscriptions.map(({ channel, key }) => nameOf(channel, key)));
        for (const stream of answered.filter(({ name }) => !kept.has(name))) {
          refuse(stream, { error: 'forbidden', detail: 'Not with the new token.' });
        }
      });
    },
    end(error) {
      detach();
      for (const { readers } of held.values()) for (const reader of readers) reader.end(error);
    },
    describe() {
      const infos = new Map<string, StreamInfo>();
      for (const stream of held.values()) {
        for (const info of stream.describe()) {
          const name = nameOf(info.channel, info.key);
          // A subscription of its own knows more of a stream than one to all.
          if (stream.isSingle || !infos.has(name)) infos.set(name, info);
        }
      }
      return [...infos.values()];
    },
  };
}

/** How a message names a stream. */
function targetOf({ channel, key }: HeldStream): object {
  const field = KEY_FIELDS[channel];
  if (key === null || field === null) return {};
  return field === 'symbol' ? { symbol: key } : { params: { [field]: key } };
}

function problemWith(raw: string | null, key: string | null, known: HeldStream | undefined, since: Since | undefined) {
  if (raw !== key && key === null) return `${raw} can't be a key.`;
  return since && known ? '`since` is for the first subscription.' : null;
}
