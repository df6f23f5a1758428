import { type Static, Type } from 'typebox';
import { CLOSES } from '../closes.ts';
import { schemaId } from './common.ts';

const Repeat = Type.Object(
  { char: Type.String({ minLength: 1, maxLength: 1 }), count: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);

/** One case: what a client sends on a fresh connection, and what it gets. */
export const ConformanceCase = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'A sentence of the contract.' }),
    seated: Type.Optional(
      Type.Literal(false, {
        description: 'The connection is opened without a token. Otherwise with one that allows all.',
      }),
    ),
    query: Type.Optional(Type.String({ description: 'The query string of the URL, without the question mark.' })),
    send: Type.Optional(
      Type.Unknown({ description: 'Sent as JSON in a text frame; the elements of an array one after the other.' }),
    ),
    send_text: Type.Optional(Type.String({ description: 'Sent as it is in a text frame.' })),
    send_base64: Type.Optional(Type.String({ description: 'Decoded, and sent in a binary frame.' })),
    send_repeat: Type.Optional(Repeat),
    expect: Type.Optional(
      Type.Array(Type.Record(Type.String(), Type.Unknown()), {
        minItems: 1,
        description: 'The frames that arrive, in any order; a frame may have more fields than are listed.',
      }),
    ),
    none: Type.Optional(Type.Literal(true, { description: 'No frame arrives.' })),
    close: Type.Optional(
      Type.Enum(Object.keys(CLOSES).map(Number), { description: 'The server then closes with this code.' }),
    ),
  },
  { additionalProperties: false },
);

export const ConformanceCases = Type.Array(ConformanceCase, {
  $id: schemaId('conformance-cases'),
  title: 'conformance cases',
  description: 'A file of conformance cases; the README beside them says how to run them.',
});

export type ConformanceCase = Static<typeof ConformanceCase>;
