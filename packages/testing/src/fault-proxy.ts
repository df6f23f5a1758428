import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { type DirectionFaults, type FaultLink, type Shaping, linkSockets } from './fault-link.ts';
import { type PickMessage, createMessageFilter } from './message-filter.ts';
import { seededRandom } from './random.ts';

export type { Shaping } from './fault-link.ts';
export type { PickMessage } from './message-filter.ts';

export type Direction = 'to-server' | 'to-client';

export interface FaultProxyOptions {
  /** `resp`: the server is a Redis that is spoken to in RESP2, and `dropMessages` can be used. */
  protocol?: 'resp';
  /** Of jitter and pieces; 1 when absent. */
  seed?: number;
  watcher?: FaultProxyWatcher;
}

/** Sees what goes through a proxy, before faults hold it up. Connections are numbered from 1 as they come. */
export interface FaultProxyWatcher {
  connected(connection: number, isRefused: boolean): void;
  /** Answers what is to pass in place of the bytes: themselves, or others. */
  passing(connection: number, direction: Direction, bytes: Buffer): Buffer;
}

/**
 * A way to a TCP server of this machine that can be made to fail. Faults may be put together and changed at any time; all but
 * `refuse` apply to connections that stand as to those that come. Where a direction may be named, none means both.
 */
export interface FaultProxy {
  readonly port: number;
  /** Of clients, now. */
  readonly connections: number;
  /** Pub/Sub messages that `dropMessages` left out so far. */
  readonly dropped: number;
  /** Nothing passes any more, and nobody is told: connections stand, new ones are accepted, bytes and ends wait. */
  stall(direction?: Direction): void;
  /** As if the other host had lost its power: bytes are taken and lost, ends too, and nobody is told. */
  swallow(direction?: Direction): void;
  /** New connections are accepted and reset at once. Others stand. */
  refuse(): void;
  /** Holds bytes up; takes the place of what was set for that direction, `{}` ends it. */
  shape(shaping: Shaping, direction?: Direction): void;
  /**
   * Leaves out the Pub/Sub messages that the predicate picks, on their way from Redis to a subscriber; the next predicate takes
   * its place.
   *
   * @throws when the proxy was not started for `resp`
   */
  dropMessages(pick: PickMessage): void;
  /**
   * Ends all faults. Bytes that waited pass first, even of connections whose other end has gone meanwhile; connections of which
   * something was swallowed are reset.
   */
  heal(): void;
  /** Connections that come from now on go to another port. Others stand. */
  retarget(port: number): void;
  /** Sends bytes that nobody sent on every connection that stands. They come between two reads, so to a quiet sender whole. */
  inject(bytes: Buffer, direction: Direction): void;
  /** Drops every connection at once (FIN). */
  cut(): void;
  /** Resets every connection at once (RST, to both sides). */
  reset(): void;
  /** Drops every connection and listens no more. */
  close(): void;
}

interface Connection {
  client: Socket;
  upstream: Socket;
  links: Record<Direction, FaultLink>;
}

/** Starts a proxy on a free port of 127.0.0.1. It does not keep the process alive. */
export async function startFaultProxy(targetPort: number, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const { protocol, seed = 1, watcher } = options;
  const seeds = seededRandom(seed);
  const connections = new Set<Connection>();
  const faults: Record<Direction, DirectionFaults> = { 'to-server': noFaults(), 'to-client': noFaults() };
  let target = targetPort;
  let count = 0;
  let refusing = false;
  let pick: PickMessage | undefined;
  let dropped = 0;

  const link = (from: Socket, to: Socket, direction: Direction, connection: number): FaultLink => {
    const random = seededRandom(seeds() * 2 ** 32);
    const filter =
      protocol === 'resp' && direction === 'to-client'
        ? createMessageFilter(
            () => pick,
            () => dropped++,
          )
        : (bytes: Buffer) => watcher?.passing(connection, direction, bytes) ?? bytes;
    return linkSockets(from, to, faults[direction], filter, random);
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const number = ++count;
    watcher?.connected(number, refusing);
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true });
    const links = {
      'to-server': link(client, upstream, 'to-server', number),
      'to-client': link(upstream, client, 'to-client', number),
    };
    const connection = { client, upstream, links };
    connections.add(connection);
    for (const socket of [client, upstream]) {
      socket.unref();
      socket.on('close', () => {
        if (client.destroyed && upstream.destroyed) connections.delete(connection);
      });
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  server.unref();

  const change = (direction: Direction | undefined, alter: (one: DirectionFaults) => void) => {
    for (const each of ['to-server', 'to-client'] as const) {
      if (direction === undefined || direction === each) alter(faults[each]);
    }
    for (const { links } of connections) for (const { changed } of Object.values(links)) changed();
  };

  const cut = () => {
    for (const { client, upstream } of connections) {
      client.destroy();
      upstream.destroy();
    }
  };

  const reset = (which: Iterable<Connection>) => {
    for (const { client, upstream } of which) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  };

  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections.size;
    },
    get dropped() {
      return dropped;
    },
    stall: (direction) => change(direction, (one) => (one.stalled = true)),
    swallow: (direction) => change(direction, (one) => (one.swallowing = true)),
    refuse() {
      refusing = true;
    },
    shape: (shaping, direction) => change(direction, (one) => (one.shaping = shaping)),
    dropMessages(predicate) {
      if (protocol !== 'resp') throw new Error("messages can be told apart only with { protocol: 'resp' }");
      pick = predicate;
    },
    heal() {
      refusing = false;
      pick = undefined;
      reset([...connections].filter(({ links }) => Object.values(links).some(({ torn }) => torn)));
      change(undefined, (one) => Object.assign(one, noFaults()));
    },
    retarget(port) {
      target = port;
    },
    inject(bytes, direction) {
      for (const { links } of connections) links[direction].inject(bytes);
    },
    cut,
    reset: () => reset(connections),
    close() {
      server.close();
      cut();
    },
  };
}

function noFaults(): DirectionFaults {
  return { stalled: false, swallowing: false, shaping: {} };
}
