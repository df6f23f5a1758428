import { type Static, Type } from 'typebox';
import { ERROR_CODES, ERRORS } from '../errors.ts';
import { ReplyId, schemaId } from './common.ts';

export const ErrorCodeName = Type.Enum([...ERROR_CODES], { description: 'What went wrong, for programs.' });

export const ErrorDetail = Type.String({ description: 'What went wrong and what to do next, for people.' });

export const ErrorFrame = Type.Object(
  {
    type: Type.Literal('error'),
    error: ErrorCodeName,
    detail: ErrorDetail,
    ...ReplyId,
    retry_after_ms: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Milliseconds before which a retry is pointless.' }),
    ),
    dropped: Type.Optional(
      Type.Integer({ minimum: 1, description: 'How many errors were held back since the last one sent.' }),
    ),
  },
  {
    $id: schemaId('error'),
    title: 'error',
    description: 'A message was not understood or not allowed, or the connection is about to be closed.',
    examples: [
      { type: 'error', error: 'invalid_message_format', detail: ERRORS.invalid_message_format.zh },
      { type: 'error', error: 'symbol_required', detail: ERRORS.symbol_required.zh, id: 'q1' },
    ],
  },
);

export type ErrorFrame = Static<typeof ErrorFrame>;
