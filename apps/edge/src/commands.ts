import { type ClientMessage, type MessageId, parseClientMessage } from '@tickcast/protocol';
import { BACKPLANE_RETRY_MS, withId } from './answers.ts';
import type { EdgeConfig } from './config.ts';
import type { Connection, ErrorOptions } from './connection.ts';
import type { Metrics } from './metrics.ts';
import { subscribe, subscribeMany } from './subscribe.ts';
import { type CheckToken, type Identity, KeysUnavailableError } from './tokens.ts';
import { streamTopic } from './topics.ts';

interface CommandParts {
  config: EdgeConfig;
  checkToken: CheckToken;
  metrics: Metrics;
  /** The connections' clock, ms. */
  now: () => number;
  /** A token counts from now on: when to look at the connection next may depend on it. */
  onNewToken: (connection: Connection) => void;
}

type Message<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>;

/** A client needs one; more are kept from piling up behind a key server that doesn't answer. */
const MAX_RENEWALS_WAITING = 64;

const unixSeconds = () => Date.now() / 1000;

/** What seated clients may ask for. Nothing here waits for Redis: a slow subscribe answers later, by itself. */
export class Commands {
  readonly #parts: CommandParts;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  /** Handles one text message, of a permitted size. */
  handle(connection: Connection, bytes: Buffer): void {
    const { now, metrics, config } = this.#parts;
    const { budget } = connection;
    if (!budget) return;
    const params = { limit: config.maxMessagesPerSecond };
    if (budget.isFlooding(now())) {
      connection.fail('rate_limited', 4429, { params });
      return;
    }
    if (!budget.spend(now())) {
      this.#rateLimited(connection, bytes, budget.retryAfterMs(now()));
      return;
    }
    const parsed = parseClientMessage(bytes);
    if (!parsed.ok) {
      if (parsed.id !== undefined) connection.optedIn = true;
      connection.error(parsed.code, parsed);
      return;
    }
    metrics.message(parsed.message.type);
    if (parsed.message.id !== undefined) connection.optedIn = true;
    this.#run(connection, parsed.message);
  }

  #run(connection: Connection, message: ClientMessage): void {
    switch (message.type) {
      case 'subscribe':
        if ('keys' in message) subscribeMany(connection, message, this.#parts.config.maxSubscriptions);
        else subscribe(connection, message, this.#parts.config.maxSubscriptions);
        return;
      case 'unsubscribe':
        this.#unsubscribe(connection, message);
        return;
      case 'ping':
        connection.reply({
          type: 'pong',
          ...withId(message.id),
          ...(message.timestamp === undefined ? {} : { timestamp: message.timestamp }),
          server_time: unixSeconds(),
        });
        return;
      case 'hello':
        this.#hello(connection, message);
        return;
      case 'auth':
        this.#renew(connection, message);
        return;
      case 'list':
        this.#list(connection, message);
    }
  }

  /** The id is worth parsing for only when the error will be sent at all. */
  #rateLimited(connection: Connection, bytes: Buffer, retryAfterMs: number): void {
    let id: MessageId | undefined;
    if (connection.canError) {
      const parsed = parseClientMessage(bytes);
      id = parsed.ok ? parsed.message.id : parsed.id;
    }
    const params = { limit: this.#parts.config.maxMessagesPerSecond };
    connection.error('rate_limited', { ...withId(id), retryAfterMs, params });
  }

  #unsubscribe(connection: Connection, { id, channel, key }: Message<'unsubscribe'>): void {
    connection.subscriptions.removeInTurn(channel, key, () => {
      if (id === undefined) return;
      connection.reply({ type: 'unsubscribed', id, channel, key, count: connection.subscriptions.size });
    });
  }

  #hello(connection: Connection, { id }: Message<'hello'>): void {
    const { config } = this.#parts;
    connection.optedIn = true;
    connection.reply({
      type: 'welcome',
      ...withId(id),
      seat: connection.seat?.id,
      node: config.nodeId,
      server_time: unixSeconds(),
      limits: {
        connections: config.maxConnections,
        subscriptions: config.maxSubscriptions,
        messages_per_second: config.maxMessagesPerSecond,
        message_bytes: config.maxMessageBytes,
        idle_seconds: config.idleTimeoutMs / 1000,
        market_data_per_second: config.marketDataMaxRate,
      },
      expires_at: connection.identity?.expiresAt,
    });
  }

  /** One by one: tokens checked at once would count in the order their checks happen to end. */
  #renew(connection: Connection, message: Message<'auth'>): void {
    if (connection.renewalsWaiting >= MAX_RENEWALS_WAITING) {
      const params = { limit: this.#parts.config.maxMessagesPerSecond };
      connection.error('rate_limited', { ...withId(message.id), retryAfterMs: BACKPLANE_RETRY_MS, params });
      return;
    }
    connection.renewalsWaiting += 1;
    connection.renewals = connection.renewals
      .then(() => this.#auth(connection, message))
      .finally(() => (connection.renewalsWaiting -= 1));
  }

  async #auth(connection: Connection, { id, token }: Message<'auth'>): Promise<void> {
    const fail = (options: ErrorOptions) => connection.error('authentication_failed', { ...withId(id), ...options });
    let identity: Identity;
    try {
      identity = await this.#parts.checkToken(token);
    } catch (error) {
      if (error instanceof KeysUnavailableError) {
        connection.error('backplane_unavailable', { ...withId(id), retryAfterMs: BACKPLANE_RETRY_MS });
      } else fail({});
      return;
    }
    if (connection.ended) return;
    if (identity.sub !== connection.identity?.sub) {
      fail({ reason: 'sub_changed' });
      return;
    }
    connection.identity = identity;
    connection.expiryAnnounced = false;
    this.#parts.onNewToken(connection);
    for (const { channel, key } of connection.subscriptions.enforce(identity.claim)) {
      connection.error('forbidden', { params: { stream: streamTopic(channel, key) } });
    }
    if (id !== undefined) connection.reply({ type: 'authenticated', id, expires_at: identity.expiresAt });
  }

  #list(connection: Connection, { id }: Message<'list'>): void {
    if (id === undefined) return;
    const subscriptions = connection.subscriptions.list().map(({ channel, key }) => ({ channel, key }));
    connection.reply({ type: 'subscriptions', id, subscriptions, count: subscriptions.length });
  }
}
