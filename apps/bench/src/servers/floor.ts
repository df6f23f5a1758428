/** The least that a server on the edge's engine can do: a message of Redis in, a publish of the engine out. */
import uWS from 'uWebSockets.js';
import { announce, HOST } from './announce.ts';
import { readSettings } from './config.ts';
import { openRedisChannels } from './redis-channels.ts';
import { readSubscribeMessage } from './subscribe-message.ts';

/** Enough that it drops nothing when it falls behind, for the engine drops without a word. */
const MAX_BACKPRESSURE_BYTES = 32 * 1024 * 1024;

interface Client {
  closed?: boolean;
}

const { port, redisUrl } = readSettings();
const app = uWS.App();
const channels = openRedisChannels(redisUrl, (topic, message) => {
  app.publish(topic, message, false);
});

async function subscribe(ws: uWS.WebSocket<Client>, text: string): Promise<void> {
  const client = ws.getUserData();
  const { id, topics } = readSubscribeMessage(text);
  for (const topic of topics) ws.subscribe(topic);
  await channels.hear(topics);
  // The engine throws when a socket that has closed meanwhile is written to.
  if (!client.closed) ws.send(JSON.stringify({ type: 'subscribed', id }), false);
}

app
  .ws<Client>('/*', {
    compression: uWS.DISABLED,
    maxBackpressure: MAX_BACKPRESSURE_BYTES,
    message: (ws, message) => void subscribe(ws, Buffer.from(message).toString()),
    close: (ws) => {
      ws.getUserData().closed = true;
    },
  })
  .listen(HOST, port, (socket) => {
    if (!socket) throw new Error(`can't listen on ${HOST}:${port}; is something else running there?`);
    announce(uWS.us_socket_local_port(socket));
  });
