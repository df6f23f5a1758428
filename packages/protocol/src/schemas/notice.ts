import { type Static, Type } from 'typebox';
import { ChannelName, Epoch, KeyOrNull, schemaId, Seq } from './common.ts';

export const Gap = Type.Object(
  {
    type: Type.Literal('gap'),
    channel: ChannelName,
    key: KeyOrNull,
    epoch: Type.Union([Epoch, Type.Null()], { description: 'The epoch in which `from` and `to` count.' }),
    from: Type.Union([Seq, Type.Null()], { description: 'The first number that may be missing.' }),
    to: Type.Union([Seq, Type.Null()], {
      description: 'The last number that may be missing; null where it can’t be known, across a change of epoch.',
    }),
    recoverable: Type.Boolean({ description: 'Whether subscribing again with `since` can still bring them.' }),
  },
  {
    $id: schemaId('gap'),
    title: 'gap',
    description: 'Events of this stream are missing and will not come by themselves. Only to clients that opted in.',
    examples: [
      {
        type: 'gap',
        channel: 'alerts',
        key: null,
        epoch: '1701234567891234-9f2c1a',
        from: 42,
        to: null,
        recoverable: false,
      },
    ],
  },
);

export const Status = Type.Object(
  {
    type: Type.Literal('status'),
    state: Type.Enum(['draining', 'degraded', 'restored'], {
      description:
        '`draining`: this node is about to stop, close 1012 follows. `degraded`: Redis is out of reach, pushes may be missing. `restored`: it is back.',
    }),
  },
  {
    $id: schemaId('status'),
    title: 'status',
    description: 'The state of the node changed. Only to clients that opted in.',
    examples: [{ type: 'status', state: 'degraded' }],
  },
);

export const TokenExpiring = Type.Object(
  {
    type: Type.Literal('token_expiring'),
    expires_at: Type.Number({ description: 'When the token expires, Unix seconds.' }),
  },
  {
    $id: schemaId('token_expiring'),
    title: 'token_expiring',
    description: 'The token ends within 60 s: send `auth` with a new one. Only to clients that opted in.',
    examples: [{ type: 'token_expiring', expires_at: 1701238167 }],
  },
);

/** What an opted-in client is told unasked, by `type`. */
export const NOTICE_SCHEMAS = { gap: Gap, status: Status, token_expiring: TokenExpiring } as const;

export type Gap = Static<typeof Gap>;
export type Status = Static<typeof Status>;
export type TokenExpiring = Static<typeof TokenExpiring>;
