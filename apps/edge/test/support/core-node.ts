import { type Channel, type Since, parseChannelsClaim } from '@tickcast/protocol';
import { Connection } from '../../src/connection.ts';
import { Hub } from '../../src/hub.ts';
import { createLog } from '../../src/log.ts';
import { deliverWithLoss } from '../../src/loss.ts';
import { Metrics } from '../../src/metrics.ts';
import { SlowConsumers } from '../../src/slow-consumers.ts';
import { subscribe } from '../../src/subscribe.ts';
import { streamTopic } from '../../src/topics.ts';
import { Account } from './account.ts';
import { MemoryFanout, MemorySocket, noTraffic } from './parts.ts';
import { RedisLinkModel, type RedisModel } from './redis-model.ts';

const MAX_SUBSCRIPTIONS = 50;
const metrics = new Metrics();
const log = createLog('silent', 'test');
const now = () => performance.now();

/** The core of one node on a model of Redis, with sockets in memory. */
export class CoreNode {
  readonly link: RedisLinkModel;
  readonly hub: Hub;
  readonly slowConsumers: SlowConsumers;
  readonly fanout = new MemoryFanout();
  readonly connections = new Set<Connection>();
  readonly maxBufferedBytes: number;

  constructor(redis: RedisModel, maxBufferedBytes: number) {
    const { connections, fanout } = this;
    this.maxBufferedBytes = maxBufferedBytes;
    this.link = new RedisLinkModel(redis, {
      onMessage: (name, bytes) => this.hub.message(name, bytes),
      onUp: () => this.hub.resync(),
    });
    this.slowConsumers = new SlowConsumers({ connections, fanout, maxBufferedBytes });
    this.hub = new Hub({
      source: this.link,
      fanout: this.slowConsumers,
      takeTraffic: noTraffic,
      declareLoss: (stream, delivery) => deliverWithLoss(connections, stream, delivery),
      marketDataMaxRate: 10,
      now,
      metrics,
      log,
    });
  }

  stop(): void {
    this.hub.stop();
    this.slowConsumers.stop();
  }
}

/** A socket whose peer reads at once, or not at all for a while. */
class PeerSocket extends MemorySocket {
  readonly #onFrame: (frame: Record<string, unknown>) => () => void;
  readonly #onEnd: () => void;
  #unread: Array<() => void> = [];
  isReading = true;

  /** @param onFrame a frame was sent; answers what is to be done once it is read */
  constructor(onFrame: (frame: Record<string, unknown>) => () => void, onEnd: () => void) {
    super();
    this.#onFrame = onFrame;
    this.#onEnd = onEnd;
  }

  override send(frame: string | Uint8Array): void {
    if (this.closeCode !== null) return;
    const text = typeof frame === 'string' ? frame : Buffer.from(frame).toString();
    this.buffered += text.length;
    this.whenRead(this.#onFrame(JSON.parse(text) as Record<string, unknown>));
  }

  read(): void {
    const unread = this.#unread;
    this.#unread = [];
    this.buffered = 0;
    for (const next of unread) next();
  }

  /** Calls back when the peer has read all that was sent up to now. */
  whenRead(callback: () => void): void {
    this.#unread.push(callback);
    if (this.isReading) this.read();
  }

  override end(code: number): void {
    super.end(code);
    this.topics.clear();
    this.#onEnd();
  }
}

/** A client that comes back as often as it has to, and keeps an account of all that it gets. */
export class AccountedClient {
  readonly account: Account;
  readonly closes: number[] = [];
  readonly #redis: RedisModel;
  readonly isOptedIn: boolean;
  #claim: string[] | undefined;
  #node: CoreNode | null = null;
  #connection: Connection | null = null;
  #socket: PeerSocket | null = null;
  readonly #waiting = new Map<number, (reply: Record<string, unknown>, newStreams: Array<() => void>) => void>();
  #ids = 0;

  constructor(redis: RedisModel, isOptedIn: boolean, claim?: string[]) {
    this.#redis = redis;
    this.isOptedIn = isOptedIn;
    this.#claim = claim;
    this.account = new Account(redis, isOptedIn, (topic) => this.covers(topic));
  }

  get connection(): Connection | null {
    return this.#connection;
  }

  /** Whether something is to be answered yet. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get isReading(): boolean {
    return this.#socket?.isReading ?? true;
  }

  /** Connects to a node, anew if it is connected: what it has not read by then is gone. */
  connect(node: CoreNode): void {
    this.disconnect();
    const socket = new PeerSocket(
      (frame) => this.#sent(frame),
      () => {
        this.closes.push(socket.closeCode ?? 0);
        if (this.#socket === socket) this.disconnect();
      },
    );
    const { hub, maxBufferedBytes } = node;
    const connection = new Connection({ socket, lang: 'en', hub, metrics, now, maxBufferedBytes });
    connection.phase = 'seated';
    connection.optedIn = this.isOptedIn;
    this.#node = node;
    this.#socket = socket;
    this.#connection = connection;
    this.claim(this.#claim);
    node.connections.add(connection);
    node.fanout.sockets.push(socket);
  }

  disconnect(): void {
    const [node, connection, socket] = [this.#node, this.#connection, this.#socket];
    if (!node || !connection || !socket) return;
    this.#connection = null;
    this.#waiting.clear();
    // What is sent while it ends reaches nobody.
    socket.closeCode ??= 1006;
    connection.phase = 'ended';
    connection.subscriptions.clear();
    node.connections.delete(connection);
    node.fanout.sockets.splice(node.fanout.sockets.indexOf(socket), 1);
  }

  /** Gives it this claim; what it no longer covers has ended. */
  claim(channels: string[] | undefined): void {
    this.#claim = channels;
    const claim = parseChannelsClaim(channels);
    const connection = this.#connection;
    if (claim === null || !connection) return;
    connection.identity = { sub: 'desk', claim, expiresAt: 2_000_000_000, endsAt: 2_000_000_000 };
    connection.subscriptions.enforce(claim);
    this.#forgetWhatIsNotCovered();
    const newStreams = this.#newStreams();
    this.#socket?.whenRead(() => {
      for (const start of newStreams) start();
    });
  }

  /** Subscribes; with `since` once it is answered all that comes is to follow that event. */
  subscribe(channel: Channel, key: string | null, since?: Since): void {
    const connection = this.#connection;
    if (!connection) return;
    const topic = streamTopic(channel, key);
    const isNew = !this.covers(topic);
    const started = (epoch: string | null, seq: number, newStreams: Array<() => void> = []) => {
      if (since) this.account.start(topic, since.epoch, since.seq);
      else if (key === null && channel !== 'alerts') for (const start of newStreams) start();
      else if (isNew || !this.account.standings.has(topic)) this.account.start(topic, epoch, seq);
    };
    if (!this.isOptedIn) {
      // Without an answer it takes the event that comes first for the one it goes on from.
      this.#socket?.whenRead(() => {
        if (since) started(null, 0);
        else if (isNew || !this.account.standings.has(topic)) this.account.start(topic, null, 0, false);
      });
      subscribe(connection, { type: 'subscribe', channel, key, ...(since ? { since } : {}) }, MAX_SUBSCRIPTIONS);
      return;
    }
    this.#ids += 1;
    const id = this.#ids;
    this.#waiting.set(id, ({ type, epoch, seq }, newStreams) => {
      if (type === 'subscribed') started(epoch as string | null, Number(seq), newStreams);
    });
    subscribe(connection, { type: 'subscribe', id, channel, key, ...(since ? { since } : {}) }, MAX_SUBSCRIPTIONS);
  }

  unsubscribe(channel: Channel, key: string | null): void {
    this.#connection?.subscriptions.remove(channel, key);
    this.#forgetWhatIsNotCovered();
  }

  allows(channel: Channel, key: string | null): boolean {
    return parseChannelsClaim(this.#claim)?.allows(channel, key) === true;
  }

  /** Whether one of its subscriptions brings the stream. */
  covers(topic: string): boolean {
    const [channel, key = null] = topic.split(':') as [Channel, string?];
    const subscriptions = this.#connection?.subscriptions;
    if (!subscriptions) return false;
    if (subscriptions.has(channel, key)) return true;
    return subscriptions.has(channel, null) && this.allows(channel, key);
  }

  stall(): void {
    if (this.#socket) this.#socket.isReading = false;
  }

  /** Reads all that waits in its socket, and goes on reading. */
  read(): void {
    const [connection, socket] = [this.#connection, this.#socket];
    if (!connection || !socket || socket.isReading) return;
    socket.isReading = true;
    socket.read();
    this.#node?.slowConsumers.drained(connection);
  }

  #sent(frame: Record<string, unknown>): () => void {
    const { id } = frame;
    if (typeof id === 'number') {
      const newStreams = this.#newStreams();
      const { channel, key } = frame as { channel: Channel; key: string | null };
      const isKept = this.#connection?.subscriptions.has(channel, key) === true;
      return () => {
        if (isKept) this.#waiting.get(id)?.(frame, newStreams);
        this.#waiting.delete(id);
      };
    }
    if (frame['type'] === 'error') this.#forgetWhatIsNotCovered();
    return () => this.account.take(frame);
  }

  #forgetWhatIsNotCovered(): void {
    const gone = [...this.#redis.topics].filter((topic) => !this.covers(topic));
    this.#socket?.whenRead(() => {
      for (const topic of gone) this.account.standings.delete(topic);
    });
  }

  /** Streams that its subscriptions to all bring, as they stand now: a client hears of each from its next event on. */
  #newStreams(): Array<() => void> {
    return [...this.#redis.states.values()].flatMap(({ id, epoch, seq }) => {
      const topic = streamTopic(id.channel, id.key);
      if (!this.covers(topic)) return [];
      const start = () => this.account.start(topic, seq === 0 ? null : epoch, seq, seq === 0);
      return [() => void (this.account.standings.has(topic) || start())];
    });
  }
}
