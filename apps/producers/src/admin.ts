import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import express from 'express';
import type { Registry } from 'prom-client';

const BOARD_PATH = '/queues';
const USUAL_PORT = 9003;

interface AdminOptions {
  host: string;
  /** null: the usual one, or any free one where that is taken. */
  port: number | null;
  /** Why the worker is not ready, or null when it is. */
  unreadyReason: () => string | null;
  registry: Registry;
  queues: readonly Queue[];
  board: 'view' | 'manage' | 'off';
  onError: (error: Error) => void;
}

export interface AdminServer {
  readonly port: number;
  close(): void;
}

/**
 * Opens the port for operators: health, metrics, and the queues on a page. Not for the public.
 *
 * @throws when the port that was asked for can't be listened on: the message says what to do
 */
export async function openAdmin(options: AdminOptions): Promise<AdminServer> {
  const { host, port, unreadyReason, registry, queues, board, onError } = options;
  const app = express().disable('x-powered-by');
  const paths = ['/livez', '/readyz', '/metrics', ...(board === 'off' ? [] : [BOARD_PATH])];

  app.get('/livez', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', (_request, response) => {
    const reason = unreadyReason();
    response
      .status(reason === null ? 200 : 503)
      .json(reason === null ? { status: 'ok' } : { status: 'unready', reason });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  if (board !== 'off') {
    const serverAdapter = new ExpressAdapter();
    serverAdapter.setBasePath(BOARD_PATH);
    createBullBoard({
      queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: board === 'view' })),
      serverAdapter,
    });
    app.use(BOARD_PATH, serverAdapter.getRouter());
  }
  app.use((_request, response) => void response.status(404).json({ error: 'not_found', paths }));

  const server = createServer(app);
  const listen = (wanted: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server.once('error', ({ message }) => {
        reject(new Error(`the admin port can't be opened (${message}): set TICKCAST_PRODUCERS_ADMIN_PORT to another`));
      });
      server.listen(wanted, host, () => {
        // Such as too many open files: the next connection may work.
        server.removeAllListeners('error').on('error', onError);
        resolve((server.address() as AddressInfo).port);
      });
    });

  return {
    port: await (port === null ? listen(USUAL_PORT).catch(() => listen(0)) : listen(port)),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
