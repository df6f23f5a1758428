import { type OpenSocket, globalSockets } from './socket.ts';

/** What a browser opens WebSockets with. */
export async function platformSockets(): Promise<OpenSocket> {
  return globalSockets();
}
