import { createSeats, decodeSeatBudget, decodeTakeOver } from '@tickcast/backplane';
import { CLOSES } from '@tickcast/protocol';
import { AdminServer } from './admin.ts';
import { Commands } from './commands.ts';
import type { EdgeConfig } from './config.ts';
import { Connection } from './connection.ts';
import { countByPhase, describeConnections } from './connections-view.ts';
import { Door } from './door.ts';
import { drain } from './drain.ts';
import { Engine, type EngineHandler } from './engine.ts';
import { type Handshake, type HandshakeRequest, isOriginAllowed, readHandshake } from './handshake.ts';
import { Hub } from './hub.ts';
import { checkLiveness } from './liveness.ts';
import type { Log } from './log.ts';
import { deliverWithLoss } from './loss.ts';
import { Metrics } from './metrics.ts';
import { RedisLink } from './redis-link.ts';
import { ORIGIN_FORBIDDEN, type Refusal, unavailable } from './refusals.ts';
import { createRemoteAddressOf } from './remote-address.ts';
import { SeatKeeper } from './seat-keeper.ts';
import { SlowConsumers } from './slow-consumers.ts';
import type { Socket } from './socket.ts';
import { TimerWheel } from './timer-wheel.ts';
import { createTokenCheck } from './tokens.ts';

const FULL_RETRY_SECONDS = 2;
const BUSY_RETRY_SECONDS = 1;
const PRUNE_EVERY_MS = 60_000;
const WATCH_RETRY_MS = 1000;

/** One node: clients on one side, Redis on the other. */
export class Edge implements EngineHandler<Connection> {
  readonly #config: EdgeConfig;
  readonly #log: Log;
  readonly #metrics = new Metrics();
  readonly #connections = new Set<Connection>();
  readonly #wheel: TimerWheel<Connection>;
  readonly #engine: Engine<Connection>;
  readonly #redis: RedisLink;
  readonly #hub: Hub;
  readonly #seatKeeper: SeatKeeper;
  readonly #door: Door;
  readonly #commands: Commands;
  readonly #admin: AdminServer;
  readonly #slowConsumers: SlowConsumers;
  readonly #pruning: NodeJS.Timeout;
  #watchesTakeOvers = false;
  #draining = false;

  constructor(config: EdgeConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    const metrics = this.#metrics;
    const checkToken = createTokenCheck(config);
    this.#wheel = new TimerWheel((connection) => this.#look(connection));
    const now = () => this.#wheel.now();
    this.#engine = new Engine(
      { maxBufferedBytes: config.maxBufferedBytes, remoteAddressOf: createRemoteAddressOf(config.trustedProxies) },
      this,
    );
    this.#redis = new RedisLink({
      url: config.redisUrl,
      prefix: config.redisPrefix,
      log,
      onMessage: (name, message) => this.#message(name, message),
      restFromQuotes: (resume) => this.#hub.restFromQuotes(resume),
      // The leases can't wait for the rest: a place given away can't be had back.
      onAnswering: () => this.#seatKeeper.renewNow(),
      onUp: () => this.#redisUp(),
      onDown: () => this.#tellOptedIn({ type: 'status', state: 'degraded' }),
    });
    this.#slowConsumers = new SlowConsumers({
      connections: this.#connections,
      fanout: this.#engine,
      maxBufferedBytes: config.maxBufferedBytes,
    });
    this.#hub = new Hub({
      source: this.#redis,
      fanout: this.#slowConsumers,
      takeTraffic: () => this.#engine.takeTraffic(),
      declareLoss: (stream, delivery) => deliverWithLoss(this.#connections, stream, delivery),
      marketDataMaxRate: config.marketDataMaxRate,
      now,
      metrics,
      log,
    });
    const seats = createSeats({
      redis: this.#redis.commands,
      names: this.#redis.names,
      node: config.nodeId,
      ttlMs: config.seatTtlMs,
      maxSeats: config.maxConnections,
    });
    this.#seatKeeper = new SeatKeeper({
      seats,
      seatTtlMs: config.seatTtlMs,
      maxSeats: config.maxConnections,
      now,
      log,
    });
    this.#commands = new Commands({
      config,
      checkToken,
      metrics,
      now,
      onNewToken: (connection) => this.#wheel.schedule(connection, 0),
    });
    this.#door = new Door({
      checkToken,
      seatKeeper: this.#seatKeeper,
      wheel: this.#wheel,
      limits: config,
      isRedisUp: () => this.#redis.isUp,
      isDraining: () => this.#draining,
      handle: (connection, message) => this.#commands.handle(connection, message),
      log,
    });
    this.#admin = new AdminServer({
      unreadyReason: () => this.#unreadyReason(),
      metrics: () => metrics.registry.metrics(),
      connections: () => ({
        node: config.nodeId,
        cluster_seats: this.#seatKeeper.clusterCount,
        connections: describeConnections(this.#connections, now()),
      }),
    });
    this.#pruning = setInterval(() => this.#hub.prune(), PRUNE_EVERY_MS);
    metrics.watch({
      connectionsByPhase: () => countByPhase(this.#connections),
      clusterSeats: () => this.#seatKeeper.clusterCount,
      feeds: () => this.#hub.feedCount,
      redisUp: () => this.#redis.isUp,
      egressBytes: () => this.#engine.egressBytes,
      fanout: () => this.#engine.fanout,
      windowMs: () => this.#hub.windowMs(),
    });
  }

  /** Listens for clients and on the admin port; Redis may still be away. */
  async start(): Promise<{ port: number; adminPort: number }> {
    const { host } = this.#config;
    this.#wheel.start();
    const adminPort = await this.#admin.listen(host, this.#config.adminPort);
    const port = await this.#engine.listen(host, this.#config.port);
    this.#log.info({ port, adminPort }, 'listening');
    return { port, adminPort };
  }

  /** Sends everybody away over `drainMs`, then lets go of Redis and the ports. */
  async stop(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#log.info({ connections: this.#connections.size, drainMs }, 'draining');
    this.#engine.stopListening();
    await drain(this.#connections, drainMs, (connection) => this.#seatKeeper.handOver(connection));
    await this.#seatKeeper.settle();
    this.#slowConsumers.stop();
    clearInterval(this.#pruning);
    this.#seatKeeper.stop();
    this.#wheel.stop();
    this.#hub.stop();
    this.#redis.close();
    this.#admin.close();
    this.#log.info('stopped');
  }

  handshake(request: HandshakeRequest): Handshake | Refusal {
    const decision = this.#decide(request);
    if ('status' in decision) this.#metrics.handshakeRefused(decision.status);
    return decision;
  }

  #decide(request: HandshakeRequest): Handshake | Refusal {
    const { allowedOrigins, allowQueryToken, maxConnections } = this.#config;
    if (!isOriginAllowed(request.header('origin'), request.header('host'), allowedOrigins)) return ORIGIN_FORBIDDEN;
    const handshake = readHandshake(request, allowQueryToken);
    const { lang, seat, token } = handshake;
    const params = { limit: maxConnections };
    if (this.#draining) return unavailable('draining', lang, { retryAfterSeconds: BUSY_RETRY_SECONDS });
    if (seat === null && this.#seatKeeper.isClusterFull) {
      return unavailable('connection_limit_exceeded', lang, { retryAfterSeconds: FULL_RETRY_SECONDS, params });
    }
    if (token === null ? this.#door.isLobbyFull : this.#door.isPendingFull) {
      const reason = 'too_many_at_the_door';
      return unavailable('connection_limit_exceeded', lang, { retryAfterSeconds: BUSY_RETRY_SECONDS, reason });
    }
    return handshake;
  }

  opened(socket: Socket, { token, seat, lang }: Handshake): Connection {
    const connection = new Connection({
      socket,
      lang,
      hub: this.#hub,
      metrics: this.#metrics,
      now: () => this.#wheel.now(),
      maxBufferedBytes: this.#config.maxBufferedBytes,
    });
    this.#connections.add(connection);
    this.#metrics.opened();
    this.#door.enter(connection, token, seat);
    return connection;
  }

  message(connection: Connection, message: Buffer, isBinary: boolean): void {
    // Closed by this node: what the client had under way no longer counts.
    if (connection.closeCode !== null) return;
    const { maxMessageBytes } = this.#config;
    connection.heardAt = this.#wheel.now();
    connection.activeAt = connection.heardAt;
    if (isBinary) connection.close(1003);
    else if (message.length > maxMessageBytes) {
      connection.fail('message_too_large', 1009, { params: { limit: maxMessageBytes } });
    } else if (connection.phase === 'seated') this.#commands.handle(connection, message);
    else this.#door.message(connection, message);
  }

  drained(connection: Connection): void {
    this.#slowConsumers.drained(connection);
  }

  heard(connection: Connection, isPing: boolean): void {
    connection.heardAt = this.#wheel.now();
    if (!isPing) return;
    connection.activeAt = connection.heardAt;
    // Pings cost no budget, but a flood of them is a flood.
    if (connection.budget?.isFlooding(connection.heardAt)) {
      connection.fail('rate_limited', 4429, { params: { limit: this.#config.maxMessagesPerSecond } });
    }
  }

  closed(connection: Connection, code: number, isClientsFault: boolean): void {
    this.#connections.delete(connection);
    this.#wheel.remove(connection);
    this.#metrics.closed(code);
    connection.phase = 'ended';
    this.#door.leave(connection);
    connection.subscriptions.clear();
    this.#seatKeeper.ended(connection, fateOfSeat(connection, code, isClientsFault));
  }

  #message(name: string, message: Buffer): void {
    if (name !== this.#redis.names.seats.takenChannel) {
      this.#hub.message(name, message);
      return;
    }
    const takeOver = decodeTakeOver(message);
    const budget = decodeSeatBudget(message);
    if (takeOver) this.#seatKeeper.taken(takeOver.id, takeOver.gen);
    else if (budget) this.#seatKeeper.budgetTold(budget);
  }

  #redisUp(): void {
    this.#metrics.redisReached();
    this.#hub.resync();
    void this.#watchTakeOvers();
    this.#tellOptedIn({ type: 'status', state: 'restored' });
  }

  /** Once held, the subscriber keeps the channel over reconnects. Until then take-overs show at the next renewal only. */
  async #watchTakeOvers(): Promise<void> {
    if (this.#watchesTakeOvers) return;
    this.#watchesTakeOvers = true;
    try {
      await this.#redis.hold(this.#redis.names.seats.takenChannel);
    } catch {
      this.#watchesTakeOvers = false;
      if (this.#redis.isUp) setTimeout(() => void this.#watchTakeOvers(), WATCH_RETRY_MS).unref();
    }
  }

  #look(connection: Connection): void {
    const now = this.#wheel.now();
    if (connection.phase === 'seated') {
      const next = checkLiveness(connection, now, this.#config.idleTimeoutMs);
      if (next !== null) this.#wheel.schedule(connection, next);
    } else if (connection.phase === 'lobby') {
      const leftMs = this.#door.lobbyTimeLeftMs(connection, now);
      if (leftMs > 0) this.#wheel.schedule(connection, leftMs);
      else connection.fail('authentication_failed', 4401);
    }
  }

  #tellOptedIn(notice: object): void {
    for (const connection of this.#connections) {
      if (connection.optedIn && connection.phase === 'seated') connection.reply(notice);
    }
  }

  #unreadyReason(): string | null {
    if (this.#draining) return 'draining';
    if (this.#redis.isFunctionReady) return null;
    if (this.#redis.isUp) return 'Redis has no tickcast Function, and this node could not install it: see the log';
    return `Redis was not reached yet: ${this.#redis.lastError ?? 'still connecting'}`;
  }
}

/** SPEC 1's table of ends: by the code this node closed with, else by how the client ended it. */
function fateOfSeat({ closeCode }: Connection, code: number, isClientsFault: boolean) {
  if (closeCode !== null) return CLOSES[closeCode].seat;
  return code === 1006 && !isClientsFault ? 'reserved' : 'free';
}
