import { clientFrame, TEXT } from '@tickcast/testing';
import type { Dialect } from './dialect.ts';

/** A brace, a quote and the `t` of `type`: a frame in front of which no field was put. */
const TYPE_FIRST = 2;
const LETTER_T = 't'.charCodeAt(0);
/** The first letter of the type in `{"type":"market_data"`. */
const TYPE_AT = '{"type":"'.length;
/** Of the channels' names. No answer that these clients can get begins with one of them. */
const EVENT_LETTERS = new Set([...'mab'].map((letter) => letter.charCodeAt(0)));

const SUBSCRIBE_ID = 1;

/** The client API that the edge, the floor and the server on `ws` speak. The token is in the upgrade request. */
export const seed: Dialect = {
  path: '/api/v1/websocket',
  hello: (topics) => clientFrame(TEXT, Buffer.from(JSON.stringify(subscribeMessage(topics)))),
  isReady(text) {
    const answer = JSON.parse(text) as Answer;
    const refused = answer.type === 'error' || (answer.results ?? []).some(({ error }) => error !== undefined);
    if (refused) return new Error(`the server refused a subscription: ${text}`);
    return answer.type === 'subscribed' && answer.id === SUBSCRIBE_ID ? 'ready' : 'wait';
  },
  answer: () => null,
  isEvent: (bytes, start) => bytes[start + TYPE_FIRST] !== LETTER_T || EVENT_LETTERS.has(bytes[start + TYPE_AT] ?? 0),
};

interface Answer {
  type: string;
  id?: number;
  results?: { error?: string }[];
}

/** Topics without a key, e.g. `alerts`, are channels; the others are symbols of `market_data`. */
function subscribeMessage(topics: readonly string[]): object {
  const [topic = ''] = topics;
  if (topics.length === 1 && !topic.includes(':')) return { type: 'subscribe', channel: topic, id: SUBSCRIBE_ID };
  const symbols = topics.map((each) => each.split(':')[1]);
  if (topics.length === 0 || symbols.includes(undefined)) {
    throw new Error(
      `one message can't subscribe to [${topics.join(', ')}]; give one channel, or symbols as market_data:0700.HK`,
    );
  }
  return { type: 'subscribe', channel: 'market_data', symbols, id: SUBSCRIBE_ID };
}
