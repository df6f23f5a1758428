import { type Frame, type TestClient, eventually } from '@tickcast/testing';

/** What became of a burst of pings. */
export interface Burst {
  /** When each accepted one was handled, by the server: Unix seconds. */
  acceptedAt: number[];
  /** Place of each accepted one in the burst, from 0. */
  accepted: number[];
  refusals: Frame[];
}

let bursts = 0;
let marks = 0;

/** Sends pings with ids in one go, and answers what became of them once the last one was handled. */
export async function burst(client: TestClient, count: number): Promise<Burst> {
  const prefix = `burst-${++bursts}-`;
  const from = client.frames.length;
  for (let index = 0; index < count; index++) client.send({ type: 'ping', id: `${prefix}${index}` });
  // Before the client has its seat its messages wait, but not its pings: the first answer tells that they are handled.
  await eventually(() => client.frames.length > from);
  await caughtUp(client);
  const answers = client.frames.slice(from).map(({ frame }) => frame);
  const pongs = answers.filter(({ type, id }) => type === 'pong' && String(id).startsWith(prefix));
  return {
    acceptedAt: pongs.map((pong) => Number(pong['server_time'])),
    accepted: pongs.map(({ id }) => Number(String(id).slice(prefix.length))),
    refusals: answers.filter(({ type }) => type === 'error'),
  };
}

/** Resolves when the server has handled all that the client sent: it answers a WebSocket ping in its turn. */
export async function caughtUp(client: TestClient): Promise<void> {
  const mark = `caught up ${++marks}`;
  await new Promise<void>((resolve, reject) => {
    // Answers to pings sent before may still be on their way.
    client.socket.on('pong', (payload) => {
      if (payload.toString() === mark) resolve();
    });
    void client.closed.then(({ code }) => reject(new Error(`closed ${code}`)));
    client.socket.ping(mark);
  });
}

/**
 * How many of these messages are more than a bucket refilled at 100/s could let pass that held `tokens` at `since` (Unix
 * seconds). The server's times are in whole milliseconds, hence the one to spare.
 */
export function overspent(acceptedAt: readonly number[], tokens: number, since: number): number {
  return acceptedAt.filter((at, index) => index + 1 > tokens + (at - since) * 100 + 1).length;
}
