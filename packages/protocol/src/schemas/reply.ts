import { type Static, Type } from 'typebox';
import { ERRORS } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { ChannelName, Count, Epoch, KeyOrNull, ReplyId, schemaId, Seq, UnixSeconds } from './common.ts';
import { ErrorCodeName, ErrorDetail } from './error.ts';

const position = {
  key: KeyOrNull,
  epoch: Type.Union([Epoch, Type.Null()], { description: 'Null where the subscription covers many streams.' }),
  seq: Type.Union([Seq, Type.Null()], {
    description: 'The last number given in this epoch, 0 before the first; null where there are many streams.',
  }),
  recovered: Type.Boolean({ description: 'Whether `since` was honoured; false when it was not given.' }),
};

const asked = Type.String({ description: 'The symbol as the client wrote it.' });

const position1 = { epoch: '1701234567891234-9f2c1a', seq: 42, recovered: false };

export const Subscribed = Type.Object(
  { type: Type.Literal('subscribed'), ...ReplyId, channel: ChannelName, ...position, count: Count },
  {
    $id: schemaId('subscribed'),
    title: 'subscribed',
    description: 'The reply to `subscribe`.',
    examples: [
      { type: 'subscribed', id: 1, channel: 'market_data', key: '0700.HK', ...position1, count: 1 },
      {
        type: 'subscribed',
        id: 2,
        channel: 'agent_status',
        key: null,
        epoch: null,
        seq: null,
        recovered: false,
        count: 2,
      },
    ],
  },
);

export const SubscribedMany = Type.Object(
  {
    type: Type.Literal('subscribed'),
    ...ReplyId,
    channel: ChannelName,
    results: Type.Array(
      Type.Union([
        Type.Object({ symbol: asked, channel: ChannelName, ...position, count: Count }),
        Type.Object({ symbol: asked, type: Type.Literal('error'), error: ErrorCodeName, detail: ErrorDetail }),
      ]),
      { description: 'One for each of `symbols`, in their order.' },
    ),
    count: Count,
  },
  {
    $id: schemaId('subscribed-many'),
    title: 'subscribed (to symbols)',
    description: 'The reply to `subscribe` with `symbols`: each symbol succeeds or fails by itself.',
    examples: [
      {
        type: 'subscribed',
        id: 'q1',
        channel: 'market_data',
        results: [
          { symbol: '700.HK', channel: 'market_data', key: '0700.HK', ...position1, count: 1 },
          {
            symbol: '9988.HK',
            type: 'error',
            error: 'forbidden',
            detail: ERRORS.forbidden.zh.replace('{stream}', 'market_data:9988.HK'),
          },
        ],
        count: 1,
      },
    ],
  },
);

export const Unsubscribed = Type.Object(
  { type: Type.Literal('unsubscribed'), ...ReplyId, channel: ChannelName, key: KeyOrNull, count: Count },
  {
    $id: schemaId('unsubscribed'),
    title: 'unsubscribed',
    description: 'The reply to `unsubscribe`, whether or not the subscription existed.',
    examples: [{ type: 'unsubscribed', id: 4, channel: 'market_data', key: '0700.HK', count: 0 }],
  },
);

export const Pong = Type.Object(
  {
    type: Type.Literal('pong'),
    ...ReplyId,
    timestamp: Type.Optional(Type.Number({ description: 'As given in `ping`; absent when it was.' })),
    server_time: UnixSeconds,
  },
  {
    $id: schemaId('pong'),
    title: 'pong',
    description: 'The reply to `ping`.',
    examples: [{ type: 'pong', timestamp: 1701234567.89, server_time: 1701234567.912 }],
  },
);

const limit = (description: string) => Type.Number({ description });

export const Limits = Type.Object(
  {
    connections: limit('Seats over the whole cluster.'),
    subscriptions: limit('Subscriptions a connection.'),
    messages_per_second: limit('Client messages a second, and the size of the bucket.'),
    message_bytes: limit('Bytes of one client message.'),
    idle_seconds: limit('Seconds without activity before the connection is closed.'),
    market_data_per_second: limit('Frames of one symbol in any second.'),
  },
  { description: 'The limits in force.' },
);

export const Welcome = Type.Object(
  {
    type: Type.Literal('welcome'),
    ...ReplyId,
    seat: Type.String({
      description: 'The seat id. A secret: whoever has it and a token of the same user has the seat.',
    }),
    node: Type.String({ description: 'The name of the node, for support.' }),
    server_time: UnixSeconds,
    limits: Limits,
    expires_at: Type.Number({ description: 'When the token expires, Unix seconds.' }),
  },
  {
    $id: schemaId('welcome'),
    title: 'welcome',
    description: 'The reply to `hello`.',
    examples: [
      {
        type: 'welcome',
        id: 1,
        seat: 'vJ3nQm0Yb6cGk1sT9xWzRA',
        node: 'edge-1',
        server_time: 1701234567.912,
        limits: DEFAULT_LIMITS,
        expires_at: 1701238167,
      },
    ],
  },
);

export const Authenticated = Type.Object(
  {
    type: Type.Literal('authenticated'),
    ...ReplyId,
    expires_at: Type.Number({ description: 'When the token expires, Unix seconds.' }),
  },
  {
    $id: schemaId('authenticated'),
    title: 'authenticated',
    description: 'The reply to `auth`.',
    examples: [{ type: 'authenticated', id: 1, expires_at: 1701238167 }],
  },
);

export const Subscriptions = Type.Object(
  {
    type: Type.Literal('subscriptions'),
    ...ReplyId,
    subscriptions: Type.Array(Type.Object({ channel: ChannelName, key: KeyOrNull })),
    count: Count,
  },
  {
    $id: schemaId('subscriptions'),
    title: 'subscriptions',
    description: 'The reply to `list`.',
    examples: [
      {
        type: 'subscriptions',
        id: 5,
        subscriptions: [
          { channel: 'market_data', key: '0700.HK' },
          { channel: 'agent_status', key: null },
        ],
        count: 2,
      },
    ],
  },
);

/** The replies a client can get, by name of schema. */
export const REPLY_SCHEMAS = {
  subscribed: Subscribed,
  'subscribed-many': SubscribedMany,
  unsubscribed: Unsubscribed,
  pong: Pong,
  welcome: Welcome,
  authenticated: Authenticated,
  subscriptions: Subscriptions,
} as const;

export type Subscribed = Static<typeof Subscribed>;
export type SubscribedMany = Static<typeof SubscribedMany>;
export type Unsubscribed = Static<typeof Unsubscribed>;
export type Pong = Static<typeof Pong>;
export type Limits = Static<typeof Limits>;
export type Welcome = Static<typeof Welcome>;
export type Authenticated = Static<typeof Authenticated>;
export type Subscriptions = Static<typeof Subscriptions>;
