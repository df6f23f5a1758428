import { TickcastError } from './errors.ts';
import { type OpenSocket, globalSockets, listen } from './socket.ts';

let found: Promise<OpenSocket> | undefined;

/**
 * What Node opens WebSockets with: `ws` where it is installed, because it sees why a handshake was refused; else the global
 * one.
 *
 * @throws TickcastError where there is neither
 */
export function platformSockets(): Promise<OpenSocket> {
  found ??= find();
  return found;
}

async function find(): Promise<OpenSocket> {
  const ws = await import('ws').catch(() => null);
  if (!ws) {
    if ('WebSocket' in globalThis) return globalSockets();
    throw new TickcastError('connection_failed', 'There is no WebSocket here: run `npm install ws`.');
  }
  return (url, token, events) => {
    const headers = { authorization: `Bearer ${token}` };
    const socket = new ws.WebSocket(url, { headers, perMessageDeflate: false });
    socket.on('unexpected-response', (_request, response) => {
      const seconds = Number(response.headers['retry-after']);
      events.refused(response.statusCode ?? 0, seconds >= 0 ? seconds * 1000 : undefined);
      socket.terminate();
    });
    return listen(socket, events);
  };
}
