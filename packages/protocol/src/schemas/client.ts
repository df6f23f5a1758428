import { type Static, Type } from 'typebox';
import { MAX_SYMBOLS } from '../limits.ts';
import { Epoch, MessageId, Seq, schemaId, UnixSeconds } from './common.ts';

/** The longest seat id that `auth` takes, in characters. */
export const MAX_SEAT_LENGTH = 128;

const id = Type.Optional(MessageId);

// `channel` is any string here: an unknown one is `unsupported_channel`, not a malformed message.
const channel = Type.String({
  description: 'One of `market_data`, `agent_status`, `backtest_progress`, `alerts`.',
});

const symbol = Type.Optional(
  Type.Union([Type.String(), Type.Null()], {
    description: 'For `market_data`: the stock symbol, in any of its spellings. Ignored for other channels.',
  }),
);

const keyParam = (what: string) =>
  Type.Optional(
    Type.Union([Type.String(), Type.Null()], { description: `${what} Without it, all that the token allows.` }),
  );

const params = Type.Optional(
  Type.Union(
    [
      Type.Object({
        agent_id: keyParam('For `agent_status`: a single agent.'),
        backtest_id: keyParam('For `backtest_progress`: a single backtest.'),
      }),
      Type.Null(),
    ],
    { description: 'Narrows the subscription. Unknown members are ignored.' },
  ),
);

const since = Type.Object(
  { epoch: Epoch, seq: Seq },
  { description: 'The last event the client has of this stream: what came after it is asked for.' },
);

export const Subscribe = Type.Object(
  {
    type: Type.Literal('subscribe'),
    id,
    channel,
    symbol,
    symbols: Type.Optional(
      Type.Union([Type.Array(Type.String(), { minItems: 1, maxItems: MAX_SYMBOLS }), Type.Null()], {
        description: 'Several symbols in one message, in place of `symbol`.',
      }),
    ),
    params,
    since: Type.Optional(Type.Union([since, Type.Null()])),
  },
  {
    $id: schemaId('subscribe'),
    title: 'subscribe',
    description: 'Subscribes to a channel; the last known values follow at once, except for `alerts`.',
    examples: [
      { type: 'subscribe', channel: 'market_data', symbol: '0700.HK' },
      { type: 'subscribe', id: 'q1', channel: 'market_data', symbols: ['0700.HK', '9988.HK'] },
      { type: 'subscribe', id: 2, channel: 'agent_status', params: { agent_id: 'coordinator' } },
      { type: 'subscribe', id: 3, channel: 'alerts', since: { epoch: '1701234567891234-9f2c1a', seq: 41 } },
    ],
  },
);

export const Unsubscribe = Type.Object(
  { type: Type.Literal('unsubscribe'), id, channel, symbol, params },
  {
    $id: schemaId('unsubscribe'),
    title: 'unsubscribe',
    description: 'Ends a subscription. One that does not exist is answered the same way.',
    examples: [
      { type: 'unsubscribe', channel: 'market_data', symbol: '0700.HK' },
      { type: 'unsubscribe', id: 4, channel: 'agent_status', params: { agent_id: 'coordinator' } },
    ],
  },
);

export const Ping = Type.Object(
  { type: Type.Literal('ping'), id, timestamp: Type.Optional(Type.Union([UnixSeconds, Type.Null()])) },
  {
    $id: schemaId('ping'),
    title: 'ping',
    description: 'Keeps the connection open; answered by `pong` with or without an `id`.',
    examples: [{ type: 'ping', timestamp: 1701234567.89 }],
  },
);

export const Hello = Type.Object(
  { type: Type.Literal('hello'), id },
  {
    $id: schemaId('hello'),
    title: 'hello',
    description: 'Opts in to the messages that v1 clients do not know; answered by `welcome`.',
    examples: [{ type: 'hello', id: 1 }],
  },
);

export const Auth = Type.Object(
  {
    type: Type.Literal('auth'),
    id,
    token: Type.String({ minLength: 1, description: 'The JWT, without `Bearer`.' }),
    seat: Type.Optional(
      Type.Union([Type.String({ maxLength: MAX_SEAT_LENGTH }), Type.Null()], {
        description: 'The seat id of an earlier connection, to have its seat back.',
      }),
    ),
  },
  {
    $id: schemaId('auth'),
    title: 'auth',
    description:
      'Gives a token: as the first message of a connection without one, or a new one before the old expires.',
    examples: [{ type: 'auth', id: 1, token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZW1vIn0.c2ln' }],
  },
);

export const List = Type.Object(
  { type: Type.Literal('list'), id },
  {
    $id: schemaId('list'),
    title: 'list',
    description: 'Asks for the subscriptions of this connection.',
    examples: [{ type: 'list', id: 5 }],
  },
);

/** The messages a client may send, by `type`. */
export const CLIENT_SCHEMAS = {
  subscribe: Subscribe,
  unsubscribe: Unsubscribe,
  ping: Ping,
  hello: Hello,
  auth: Auth,
  list: List,
} as const;

export type Subscribe = Static<typeof Subscribe>;
export type Unsubscribe = Static<typeof Unsubscribe>;
export type Ping = Static<typeof Ping>;
export type Hello = Static<typeof Hello>;
export type Auth = Static<typeof Auth>;
export type List = Static<typeof List>;
