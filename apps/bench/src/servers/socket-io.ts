/** Socket.IO as its documentation has it for several nodes: rooms, and its Redis adapter on ioredis. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { announce, HOST } from './announce.ts';
import { readSettings } from './config.ts';

interface FromClient {
  subscribe: (topics: string[], acknowledge: () => void) => void;
}

const { port, redisUrl } = readSettings();
const publishing = new Redis(redisUrl, { protocol: 2 });
const subscribing = publishing.duplicate();
const http = createServer();
const io = new Server<FromClient>(http, {
  adapter: createAdapter(publishing, subscribing),
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
});
io.on('connection', (socket) => {
  socket.on('subscribe', (topics, acknowledge) => {
    void socket.join(topics);
    acknowledge();
  });
});

// Redis answers in order: once this is back, the pattern that the adapter subscribed to is confirmed.
await subscribing.ping();
http.listen(port, HOST, () => announce((http.address() as AddressInfo).port));
