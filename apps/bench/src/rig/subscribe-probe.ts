import { once } from 'node:events';
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken } from '@tickcast/testing';
import { WebSocket } from 'ws';
import { monotonicSeconds } from './clock.ts';

/** 40 a second: far below the limit of a seat. */
const EVERY_MS = 25;
const ANSWER_WITHIN_MS = 10_000;

/**
 * One client more, which subscribes to one symbol after the other, none of them twice, until `until` resolves.
 * @returns ms from a `subscribe` to its reply, the 99th percentile
 */
export async function measureSubscribing(
  port: number,
  topics: readonly string[],
  until: Promise<unknown>,
): Promise<number> {
  const token = await mintToken({ sub: 'subscriber' });
  const headers = { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/websocket`, { headers, perMessageDeflate: false });
  try {
    await once(socket, 'open');
    return await subscribeInTurn(socket, topics, until);
  } finally {
    socket.terminate();
  }
}

async function subscribeInTurn(socket: WebSocket, topics: readonly string[], until: Promise<unknown>): Promise<number> {
  const micros = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  let isOver = false;
  void until.then(() => (isOver = true));
  for (const [id, topic] of topics.entries()) {
    if (isOver) break;
    const [channel, symbol] = topic.split(':');
    const reply = replyTo(socket, id);
    const sentAt = monotonicSeconds();
    socket.send(JSON.stringify({ type: 'subscribe', channel, symbols: [symbol], id }));
    const repliedAt = await reply;
    micros.record(Math.max(1, Math.round((repliedAt - sentAt) * 1e6)));
    await sleep(EVERY_MS);
  }
  return micros.percentile(99) / 1000;
}

/** When it came, in monotonic seconds. Events come in between, and together with it. */
function replyTo(socket: WebSocket, id: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      socket.off('message', look).off('close', giveUp);
    };
    const giveUp = () => {
      end();
      reject(
        new Error(`the subscription ${id} had no reply within ${ANSWER_WITHIN_MS} ms, or the connection was closed`),
      );
    };
    const look = (message: Buffer) => {
      const text = message.toString();
      if (!text.includes(`"id":${id}`)) return;
      end();
      if (text.includes('"type":"subscribed"') && !text.includes('"error"')) resolve(monotonicSeconds());
      else reject(new Error(`a subscription was refused: ${text}`));
    };
    const timer = setTimeout(giveUp, ANSWER_WITHIN_MS);
    socket.on('message', look).once('close', giveUp);
  });
}
