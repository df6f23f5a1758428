import type { Channel } from './channels.ts';
import type { ErrorCode, ErrorParams } from './errors.ts';
import type { Reason } from './reasons.ts';

export type MessageId = string | number;

/** The last event a client has of a stream. */
export interface Since {
  readonly epoch: string;
  readonly seq: number;
}

/** A `subscribe` to one stream, or with a null key to all streams of a channel that the token allows. */
export interface SubscribeOne {
  readonly type: 'subscribe';
  readonly id?: MessageId;
  readonly channel: Channel;
  readonly key: string | null;
  readonly since?: Since;
}

/** A `subscribe` with `symbols`: a symbol that can't be brought to normal form has a null key. */
export interface SubscribeMany {
  readonly type: 'subscribe';
  readonly id?: MessageId;
  readonly channel: 'market_data';
  readonly keys: ReadonlyArray<{ readonly raw: string; readonly key: string | null }>;
}

/** A client message that was checked and whose fields were brought to normal form. */
export type ClientMessage =
  | SubscribeOne
  | SubscribeMany
  | { readonly type: 'unsubscribe'; readonly id?: MessageId; readonly channel: Channel; readonly key: string | null }
  | { readonly type: 'ping'; readonly id?: MessageId; readonly timestamp?: number }
  | { readonly type: 'hello'; readonly id?: MessageId }
  | { readonly type: 'auth'; readonly id?: MessageId; readonly token: string; readonly seat?: string }
  | { readonly type: 'list'; readonly id?: MessageId };

/** Why a client message was refused: what {@link errorFrame} needs. */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly reason?: Reason;
  readonly params?: ErrorParams;
  /** The message's own `id`, where it is a valid one. */
  readonly id?: MessageId;
}

export type ParsedClientMessage = { readonly ok: true; readonly message: ClientMessage } | Refusal;
