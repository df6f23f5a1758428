import { type Channel, isChannel, normalKey } from './channels.ts';
import type { MessageId, ParsedClientMessage, Refusal } from './client-message-types.ts';
import type { ErrorCode, ErrorParams } from './errors.ts';
import * as validators from './generated/validators.js';
import type { Reason } from './reasons.ts';
import type { Auth, Ping, Subscribe, Unsubscribe } from './schemas/client.ts';
import { MAX_ID_LENGTH } from './schemas/common.ts';

type WithId = { readonly id?: MessageId };

// A byte order mark stays in, and is then not JSON: the bytes a client sent are taken as they are.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function refuse(code: ErrorCode, withId: WithId, more: { reason?: Reason; params?: ErrorParams } = {}): Refusal {
  return { ok: false, code, ...more, ...withId };
}

function invalid(reason: Reason, withId: WithId): Refusal {
  return refuse('invalid_parameters', withId, { reason });
}

/** The first 64 characters of a text from outside, for use in an answer. */
function excerpt(text: string): string {
  if (text.length <= MAX_ID_LENGTH) return text;
  // By code points, so that no pair of surrogates is cut in two.
  return Array.from(text.slice(0, 2 * MAX_ID_LENGTH))
    .slice(0, MAX_ID_LENGTH)
    .join('');
}

function isMessageId(id: unknown): id is MessageId {
  if (typeof id === 'number') return Number.isSafeInteger(id);
  return typeof id === 'string' && (id.length <= MAX_ID_LENGTH || excerpt(id) === id);
}

/** Which reason belongs to a field that its schema refused. */
const FIELD_REASONS: Readonly<Record<string, Reason>> = {
  id: 'id_invalid',
  channel: 'channel_missing',
  symbol: 'symbol_invalid',
  symbols: 'symbols_invalid',
  params: 'params_invalid',
  'params/agent_id': 'agent_id_invalid',
  'params/backtest_id': 'backtest_id_invalid',
  since: 'since_invalid',
  timestamp: 'timestamp_invalid',
  token: 'token_missing',
  seat: 'seat_invalid',
};

function refusedField({ errors }: { errors?: readonly validators.ValidationError[] | null }, withId: WithId): Refusal {
  const error = errors?.[0];
  const path = (error?.instancePath ?? '').slice(1);
  const field = path === '' ? String(error?.params['missingProperty']) : path;
  const reason = FIELD_REASONS[field] ?? FIELD_REASONS[field.split('/')[0] ?? ''];
  return reason === undefined ? refuse('invalid_parameters', withId) : invalid(reason, withId);
}

/** The stream that a subscribe or unsubscribe names. */
function target(message: Subscribe | Unsubscribe, withId: WithId): { channel: Channel; key: string | null } | Refusal {
  const { channel, symbol, params } = message;
  if (!isChannel(channel)) {
    return refuse('unsupported_channel', withId, { params: { channel: excerpt(channel) } });
  }
  if (channel === 'alerts') return { channel, key: null };
  if (channel === 'market_data') {
    if (symbol === undefined || symbol === null || symbol === '') return refuse('symbol_required', withId);
    const key = normalKey(channel, symbol);
    return key === null ? invalid('symbol_invalid', withId) : { channel, key };
  }
  const id = channel === 'agent_status' ? params?.agent_id : params?.backtest_id;
  if (id === undefined || id === null) return { channel, key: null };
  const key = normalKey(channel, id);
  if (key !== null) return { channel, key };
  return invalid(channel === 'agent_status' ? 'agent_id_invalid' : 'backtest_id_invalid', withId);
}

function subscribe(message: Subscribe, withId: WithId): ParsedClientMessage {
  const { channel, symbol, symbols, since } = message;
  if (symbols !== undefined && symbols !== null && isChannel(channel)) {
    if (channel !== 'market_data') return invalid('symbols_not_here', withId);
    if (symbol !== undefined && symbol !== null) return invalid('symbols_and_symbol', withId);
    if (since !== undefined && since !== null) return invalid('since_many_streams', withId);
    const keys = symbols.map((raw) => ({ raw, key: normalKey(channel, raw) }));
    return { ok: true, message: { type: 'subscribe', ...withId, channel, keys } };
  }
  const stream = target(message, withId);
  if ('ok' in stream) return stream;
  if (since === undefined || since === null) return { ok: true, message: { type: 'subscribe', ...withId, ...stream } };
  if (stream.key === null && stream.channel !== 'alerts') return invalid('since_many_streams', withId);
  const { epoch, seq } = since;
  return { ok: true, message: { type: 'subscribe', ...withId, ...stream, since: { epoch, seq } } };
}

function unsubscribe(message: Unsubscribe, withId: WithId): ParsedClientMessage {
  const stream = target(message, withId);
  return 'ok' in stream ? stream : { ok: true, message: { type: 'unsubscribe', ...withId, ...stream } };
}

function ping({ timestamp }: Ping, withId: WithId): ParsedClientMessage {
  const given = timestamp === undefined || timestamp === null ? {} : { timestamp };
  return { ok: true, message: { type: 'ping', ...withId, ...given } };
}

function auth({ token, seat }: Auth, withId: WithId): ParsedClientMessage {
  const given = seat === undefined || seat === null ? {} : { seat };
  return { ok: true, message: { type: 'auth', ...withId, token, ...given } };
}

function read(value: object, type: string, withId: WithId): ParsedClientMessage {
  switch (type) {
    case 'subscribe':
      return validators.subscribe(value) ? subscribe(value, withId) : refusedField(validators.subscribe, withId);
    case 'unsubscribe':
      return validators.unsubscribe(value) ? unsubscribe(value, withId) : refusedField(validators.unsubscribe, withId);
    case 'ping':
      return validators.ping(value) ? ping(value, withId) : refusedField(validators.ping, withId);
    case 'hello':
      if (!validators.hello(value)) return refusedField(validators.hello, withId);
      return { ok: true, message: { type, ...withId } };
    case 'auth':
      return validators.auth(value) ? auth(value, withId) : refusedField(validators.auth, withId);
    case 'list':
      if (!validators.list(value)) return refusedField(validators.list, withId);
      return { ok: true, message: { type, ...withId } };
    default:
      return refuse('unsupported_message_type', withId, { params: { type: excerpt(type) } });
  }
}

/**
 * Reads one client message: everything between the bytes of a text frame and either a command or the error to answer
 * with that needs no state. The size is the caller's to check first. Never throws.
 */
export function parseClientMessage(text: string | Uint8Array | ArrayBuffer): ParsedClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(typeof text === 'string' ? text : utf8.decode(text));
  } catch {
    return refuse('invalid_message_format', {});
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('invalid_message_format', {}, { reason: 'not_an_object' });
  }
  const { type, id } = value as { readonly type?: unknown; readonly id?: unknown };
  const withId = isMessageId(id) ? { id } : {};
  if (typeof type !== 'string') return refuse('invalid_message_format', withId, { reason: 'type_missing' });
  return read(value, type, withId);
}
