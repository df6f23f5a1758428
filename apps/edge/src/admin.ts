import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface AdminParts {
  /** Why the node is not ready, or null when it is. */
  unreadyReason: () => string | null;
  metrics: () => Promise<string>;
  connections: () => object;
}

/** The port for operators: health, metrics, and who is connected. Not for the public. */
export class AdminServer {
  readonly #server: Server;

  constructor({ unreadyReason, metrics, connections }: AdminParts) {
    this.#server = createServer((request, response) => {
      const answer = (status: number, body: string, type = 'application/json; charset=utf-8') => {
        response.writeHead(status, { 'Content-Type': type }).end(body);
      };
      switch (request.url?.split('?')[0]) {
        case '/livez':
          answer(200, JSON.stringify({ status: 'ok' }));
          return;
        case '/readyz': {
          const reason = unreadyReason();
          answer(
            reason === null ? 200 : 503,
            JSON.stringify(reason === null ? { status: 'ok' } : { status: 'unready', reason }),
          );
          return;
        }
        case '/metrics':
          metrics().then(
            (text) => answer(200, text, 'text/plain; version=0.0.4; charset=utf-8'),
            () => answer(500, JSON.stringify({ error: 'metrics could not be collected' })),
          );
          return;
        case '/connz':
          answer(200, JSON.stringify(connections()));
          return;
        default:
          answer(404, JSON.stringify({ error: 'not_found', paths: ['/livez', '/readyz', '/metrics', '/connz'] }));
      }
    });
  }

  /** @returns the port, chosen by the system when `port` is 0 */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
