import { CHANNELS, keyField } from '../channels.ts';
import { CLIENT_ERROR_CODES } from '../client-errors.ts';
import { CLOSES } from '../closes.ts';
import { ERROR_CODES } from '../errors.ts';
import { type NamedSchema, SERVER_CATALOGUE } from '../schemas/catalogue.ts';
import { PUSH_SCHEMAS } from '../schemas/push.ts';
import { HONG_KONG_PREFIX, HONG_KONG_SUFFIX, KEY_PATTERN } from '../symbols.ts';

/** A node of a JSON Schema, as far as the schemas of frames use it. */
export interface Node {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Node[];
  items?: Node;
  properties?: Readonly<Record<string, Node>>;
  required?: readonly string[];
  description?: string;
}

/** A frame that a client gets: the name of its type in the SDKs, and its schema. */
export interface ClientFrame {
  readonly name: string;
  readonly schema: NamedSchema & Node;
  readonly isPush: boolean;
}

/** `market_data` → `MarketData`, `subscribed-many` → `SubscribedMany`. */
export function pascal(name: string): string {
  return name.replace(/(?:^|[_-])(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Every frame that a client can get. A global named Error is taken in either language. */
export const CLIENT_FRAMES: readonly ClientFrame[] = Array.from(SERVER_CATALOGUE, ([name, schema]) => ({
  name: name === 'error' ? 'ErrorFrame' : pascal(name),
  schema: schema as NamedSchema & Node,
  isPush: Object.hasOwn(PUSH_SCHEMAS, name),
}));

/** The tables of the protocol that a client needs when it runs. */
export const CLIENT_TABLES = {
  channels: CHANNELS,
  keyFields: Object.fromEntries(CHANNELS.map((channel) => [channel, keyField(channel)])),
  errorCodes: ERROR_CODES,
  clientErrorCodes: CLIENT_ERROR_CODES,
  /** After any other close: `backoff`. */
  closeActions: Object.fromEntries(
    Object.entries(CLOSES)
      .filter(([, { reconnect }]) => reconnect !== 'backoff')
      .map(([code, { reconnect }]) => [code, reconnect]),
  ),
  key: KEY_PATTERN,
  hongKongSuffix: HONG_KONG_SUFFIX.source,
  hongKongPrefix: HONG_KONG_PREFIX.source,
} as const;
