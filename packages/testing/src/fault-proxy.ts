import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A way to a TCP server of this machine that can be made to fail. */
export interface FaultProxy {
  readonly port: number;
  /** Nothing passes any more, and nobody is told: connections stand, new ones are accepted, bytes wait. */
  stall(): void;
  /** Bytes pass again, those that waited first, even of connections whose other end has gone meanwhile. */
  heal(): void;
  /** Drops every connection at once. New ones are accepted. */
  cut(): void;
  /** Drops every connection and listens no more. */
  close(): void;
}

/** Starts a proxy on a free port of 127.0.0.1. It does not keep the process alive. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let stalled = false;

  const forward = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on('data', (bytes) => to.write(bytes));
    from.on('end', () => to.end());
    // A reset is passed on as an end: what it means is for the two ends to find out.
    from.on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
    from.setNoDelay(true).unref();
    if (stalled) from.pause();
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true });
    forward(client, upstream);
    forward(upstream, client);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  server.unref();

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    stall() {
      stalled = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      stalled = false;
      for (const socket of sockets) socket.resume();
    },
    cut,
    close() {
      server.close();
      cut();
    },
  };
}
