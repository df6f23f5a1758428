import { Type } from 'typebox';
import { CHANNELS } from '../channels.ts';
import { KEY_PATTERN } from '../symbols.ts';

/** The `$id` of a schema of this protocol. */
export function schemaId(name: string): string {
  return `urn:tickcast:v1:${name}`;
}

/** The longest text that an `id`, an epoch or a status may be, in characters (Unicode code points). */
export const MAX_ID_LENGTH = 64;

export const ChannelName = Type.Enum(CHANNELS, { description: 'The name of a channel.' });

export const Key = Type.String({
  pattern: KEY_PATTERN,
  description: 'A symbol, agent id or backtest id in normal form.',
});

export const KeyOrNull = Type.Union([Key, Type.Null()], {
  description: 'The key of the stream in normal form; null where the subscription has none.',
});

export const MessageId = Type.Union(
  [
    Type.String({ maxLength: MAX_ID_LENGTH }),
    Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  ],
  { description: 'Chosen by the client; the reply carries it back. Up to 64 characters, or an integer.' },
);

export const Epoch = Type.String({
  minLength: 1,
  maxLength: MAX_ID_LENGTH,
  description: 'Names one unbroken run of a stream’s numbering. Opaque: compare for equality only.',
});

export const Seq = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'The number of an event in its stream; the first of an epoch is 1.',
});

export const UnixSeconds = Type.Number({ description: 'Unix time in seconds, with fractions.' });

export const Count = Type.Integer({ minimum: 0, description: 'How many subscriptions the connection now has.' });

/** The `id` of a reply: that of the message it answers. */
export const ReplyId = { id: Type.Optional(MessageId) };
