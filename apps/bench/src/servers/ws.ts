/** The floor's protocol on the `ws` package: a set of sockets a topic, and a loop over it. */
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { announce, HOST } from './announce.ts';
import { readSettings } from './config.ts';
import { openRedisChannels } from './redis-channels.ts';
import { readSubscribeMessage } from './subscribe-message.ts';

const TEXT = { binary: false };

const { port, redisUrl } = readSettings();
const subscribers = new Map<string, Set<WebSocket>>();
const channels = openRedisChannels(redisUrl, (name, message) => {
  for (const socket of subscribers.get(name.toString()) ?? []) socket.send(message, TEXT);
});

async function subscribe(socket: WebSocket, text: string): Promise<void> {
  const { id, topics } = readSubscribeMessage(text);
  for (const topic of topics) {
    const sockets = subscribers.get(topic) ?? new Set();
    subscribers.set(topic, sockets.add(socket));
  }
  await channels.hear(topics);
  socket.send(JSON.stringify({ type: 'subscribed', id }));
}

const server = new WebSocketServer({ host: HOST, port, perMessageDeflate: false, skipUTF8Validation: true });
server.on('connection', (socket) => {
  socket.on('message', (data: Buffer) => void subscribe(socket, data.toString()));
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const sockets of subscribers.values()) sockets.delete(socket);
  });
});
server.on('listening', () => announce((server.address() as AddressInfo).port));
