import type { Channel, Claim, Since } from '@tickcast/protocol';
import { Asides } from './asides.ts';
import type { Connection } from './connection.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import { sendSnapshot } from './loss.ts';
import { type Recovery, prepareRecovery } from './recovery.ts';
import type { Stream } from './stream.ts';
import { feedTopic, streamTopic } from './topics.ts';

/** A client's subscription: one stream, or with key null all streams of a channel that its claim allows. */
export interface Subscription {
  readonly channel: Channel;
  readonly key: string | null;
  readonly feed: Feed;
  /** Whether pushes have begun. */
  live: boolean;
  /** Subscribes to it that have not been answered yet. */
  opening: number;
  /** Called when none is left; null while there is nothing to call, which is nearly always. */
  onAnswered: Array<() => void> | null;
  /** Subscribes that wait for the one before them to be answered, and are told whether Redis failed it; null for none. */
  turns: Array<(hasFailed: boolean) => void> | null;
}

/** What became of a subscription: it may also have been ended again before its feed was live. */
export interface Outcome {
  subscription: Subscription;
  state: 'live' | 'gone' | 'unavailable';
  /** What `since` asked for; to be started behind the answer. */
  recovery?: Recovery;
}

/** A connection's subscriptions, and the engine topics that follow from them. */
export class Subscriptions {
  readonly #connection: Connection;
  readonly #hub: Hub;
  readonly #entries = new Map<string, Subscription>();
  /** Topics joined for channels with a keyless form; for the others the subscription's name is the topic. */
  #joined: Set<string> | null = null;
  readonly asides: Asides;

  constructor(connection: Connection, hub: Hub) {
    this.#connection = connection;
    this.#hub = hub;
    this.asides = new Asides(connection, (feed) => void this.#refresh(feed, streamTopic(feed.channel, feed.key)));
  }

  get size(): number {
    return this.#entries.size;
  }

  list(): Subscription[] {
    return [...this.#entries.values()];
  }

  has(channel: Channel, key: string | null): boolean {
    return this.#entries.has(streamTopic(channel, key));
  }

  /**
   * Adds subscriptions of a channel (or finds them: subscribing twice is one subscription) and calls back once, when
   * their feeds are live or Redis did not answer in time. Pushes begin in the same turn, after the callback.
   * @param since the last event that the client has of the one stream it subscribes to
   */
  add(
    channel: Channel,
    keys: ReadonlyArray<string | null>,
    onSettled: (outcomes: Outcome[]) => void,
    since?: Since,
  ): void {
    const subscriptions = keys.map((key) => this.#enter(channel, key));
    for (const subscription of subscriptions) subscription.opening += 1;
    let opening = subscriptions.length;
    let recovery: Recovery | null | undefined;
    const settle = () => {
      opening -= 1;
      if (opening > 0 || this.#connection.ended) return;
      const outcomes = subscriptions.map((subscription) => this.#settled(subscription, recovery));
      for (const { subscription, state } of outcomes) {
        subscription.opening -= 1;
        subscription.live ||= state === 'live';
        if (state === 'live') this.#refresh(subscription.feed, streamTopic(channel, subscription.key));
        // A later subscribe may still succeed, to this subscription or to one that has taken its place.
        else if (subscription.opening === 0 && !subscription.live && this.#isKept(subscription)) {
          this.remove(channel, subscription.key);
        }
      }
      onSettled(outcomes);
      for (const subscription of subscriptions) {
        if (subscription.opening > 0) continue;
        const callbacks = subscription.onAnswered ?? [];
        subscription.onAnswered = null;
        for (const callback of callbacks) callback();
      }
      for (const { subscription, state } of outcomes) subscription.turns?.shift()?.(state === 'unavailable');
    };
    const open = (subscription: Subscription) => {
      const { feed, key } = subscription;
      this.#hub.whenLive(feed, key, (ready) => {
        if (!ready || !since || !this.#isKept(subscription)) settle();
        else {
          const returning = { connection: this.#connection, feed, stream: feed.stream(key), since };
          prepareRecovery(returning, this.#hub, (outcome) => {
            recovery = outcome;
            settle();
          });
        }
      });
    };
    for (const subscription of subscriptions) {
      if (channel !== 'alerts' || subscription.opening === 1) open(subscription);
      else {
        // One replay can only take the place of another that has been answered.
        (subscription.turns ??= []).push((hasFailed) => {
          if (hasFailed && since) {
            recovery = null;
            settle();
          } else open(subscription);
        });
      }
    }
  }

  #enter(channel: Channel, key: string | null): Subscription {
    const known = this.#entries.get(streamTopic(channel, key));
    if (known) return known;
    const feed = this.#hub.use(channel, key);
    const subscription = { channel, key, feed, live: false, opening: 0, onAnswered: null, turns: null };
    // The stream's own string, where there is one: a thousand clients of a symbol share it.
    this.#entries.set(feed.streams.get(key ?? '')?.topic ?? streamTopic(channel, key), subscription);
    if (this.asides.isPaused) this.asides.enter(feed);
    return subscription;
  }

  /** @param recovery null when Redis could not be read for it */
  #settled(subscription: Subscription, recovery: Recovery | null | undefined): Outcome {
    const { key, feed, live } = subscription;
    if (recovery === null || (!live && !feed.knows(key))) return { subscription, state: 'unavailable' };
    const state = this.#isKept(subscription) ? 'live' : 'gone';
    return recovery ? { subscription, state, recovery } : { subscription, state };
  }

  #isKept(subscription: Subscription): boolean {
    return this.#entries.get(streamTopic(subscription.channel, subscription.key)) === subscription;
  }

  /** Removes the subscription, if there is one; calls back when a subscribe to it that still waits has been answered. */
  removeInTurn(channel: Channel, key: string | null, onAnswered: () => void): void {
    const subscription = this.#entries.get(streamTopic(channel, key));
    this.remove(channel, key);
    if (!subscription || subscription.opening === 0) onAnswered();
    else (subscription.onAnswered ??= []).push(onAnswered);
  }

  remove(channel: Channel, key: string | null): void {
    const name = streamTopic(channel, key);
    const subscription = this.#entries.get(name);
    if (!subscription) return;
    const { feed } = subscription;
    this.#entries.delete(name);
    if (!this.#uses(feed)) this.asides.drop(feed);
    this.#refresh(feed, name);
    this.#hub.leave(feed);
  }

  /** Gives every feed back, and leaves every topic. */
  clear(): void {
    const { socket } = this.#connection;
    this.asides.clear();
    for (const [name, { feed }] of this.#entries) {
      socket.leave(name);
      this.#hub.leave(feed);
    }
    for (const topic of this.#joined ?? []) socket.leave(topic);
    this.#entries.clear();
    this.#joined = null;
  }

  /** Ends what a new claim no longer covers, and returns it. What it newly covers begins, with its last values. */
  enforce(claim: Claim): Subscription[] {
    const ended: Subscription[] = [];
    for (const [name, subscription] of this.#entries) {
      const { channel, key, live } = subscription;
      if (claim.allows(channel, key)) {
        if (live && this.#refresh(subscription.feed, name) && key === null) this.sendSnapshots(subscription);
      } else {
        this.remove(channel, key);
        ended.push(subscription);
      }
    }
    return ended;
  }

  /** The client is too slow for the topics of its feeds. */
  pause(): void {
    this.#connection.paused();
    this.asides.pause(Array.from(this.#entries.values(), ({ feed }) => feed));
  }

  /** Whether the engine's topics bring pushes of the stream to this client. */
  receives(stream: Stream): boolean {
    const everyKey = feedTopic(stream.id.channel);
    if (!everyKey) {
      const entry = this.#entries.get(stream.topic);
      return entry?.live === true && !this.asides.get(entry.feed);
    }
    return this.#joined !== null && (this.#joined.has(stream.topic) || this.#joined.has(everyKey));
  }

  /** Moment of the last push to any of them, on the connections' clock. */
  lastPushAt(): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const { channel, key, feed } of this.#entries.values()) {
      const keys = key === null ? this.#allowedKeys(channel) : [key];
      if (keys === '*') last = Math.max(last, feed.pushedAt);
      else for (const one of keys) last = Math.max(last, feed.streams.get(one)?.pushedAt ?? last);
    }
    return last;
  }

  /** Sends the last known values; never for alerts: an old alert must not look like a new one. */
  sendSnapshots({ channel, key, feed }: Subscription): void {
    if (channel === 'alerts') return;
    const streams = key === null ? feed.streams.values() : [feed.streams.get(key)];
    for (const stream of streams) {
      if (!stream || (key === null && !this.#allows(channel, stream.id.key))) continue;
      // All agents or backtests can be more than a client can take at once.
      if (!this.asides.isPaused && this.#connection.isBehind) this.pause();
      if (this.asides.isPaused) this.asides.enter(feed).addSnapshot(stream);
      else sendSnapshot(this.#connection, stream);
    }
  }

  #allowedKeys(channel: Channel): '*' | Iterable<string> {
    return this.#connection.identity?.claim.keysFor(channel) ?? [];
  }

  #allows(channel: Channel, key: string | null): boolean {
    return this.#connection.identity?.claim.allows(channel, key) ?? false;
  }

  #uses(feed: Feed): boolean {
    for (const entry of this.#entries.values()) if (entry.feed === feed) return true;
    return false;
  }

  /** Joins and leaves topics so that each event of the channel arrives exactly once; whether there are any new ones. */
  #refresh(feed: Feed, name: string): boolean {
    const { socket } = this.#connection;
    const aside = this.asides.get(feed);
    const everyKey = feedTopic(feed.channel);
    if (!everyKey) {
      const isLive = this.#entries.get(name)?.live === true;
      aside?.cover(new Set(isLive ? [name] : []));
      if (isLive && !aside) socket.join(name);
      else socket.leave(name);
      return false;
    }
    const wanted = this.#wantedTopics(feed.channel, everyKey);
    const isWider = aside?.cover(wanted) ?? false;
    return this.#joinOnly(feed.channel, aside ? new Set() : wanted) || isWider;
  }

  /** Whether it joined any. */
  #joinOnly(channel: Channel, wanted: ReadonlySet<string>): boolean {
    const { socket } = this.#connection;
    this.#joined ??= new Set();
    for (const topic of this.#joined) {
      if (wanted.has(topic) || !topic.startsWith(`${channel}:`)) continue;
      socket.leave(topic);
      this.#joined.delete(topic);
    }
    const before = this.#joined.size;
    for (const topic of wanted) {
      if (this.#joined.has(topic)) continue;
      socket.join(topic);
      this.#joined.add(topic);
    }
    return this.#joined.size > before;
  }

  #wantedTopics(channel: Channel, everyKey: string): Set<string> {
    const wanted = new Set<string>();
    for (const { channel: own, key, live } of this.#entries.values()) {
      if (own !== channel || !live) continue;
      if (key !== null) wanted.add(streamTopic(channel, key));
      else {
        const keys = this.#allowedKeys(channel);
        if (keys === '*') return new Set([everyKey]);
        for (const allowed of keys) wanted.add(streamTopic(channel, allowed));
      }
    }
    return wanted;
  }
}
