import {
  type Authenticated,
  type Channel,
  type ErrorFrame,
  type Gap,
  KEY_FIELDS,
  type Pong,
  type Push,
  type Status,
  type Subscribed,
  type SubscribedMany,
  type Subscriptions,
  type TokenExpiring,
  type Unsubscribed,
  type Welcome,
} from './generated/protocol.ts';

/** Whatever a server sends. */
export type ServerFrame =
  | Push
  | Gap
  | Status
  | TokenExpiring
  | Welcome
  | Subscribed
  | SubscribedMany
  | Unsubscribed
  | Pong
  | Authenticated
  | Subscriptions
  | ErrorFrame;

/** The kinds that are allowed, a letter each as `kindOf` has them; or the same for each field. */
type Shape = string | { readonly [field: string]: Shape };

const serverFields = { seq: 'iu', published_at: 'nu', conflated: 'iu' };

/** As far as the client and the types of its events rely on them. */
const SHAPES: Readonly<Record<ServerFrame['type'], Shape>> = {
  market_data: {
    ...serverFields,
    symbol: 's',
    data: { timestamp: 'n', price: 'n', volume: 'n', open: 'nu', high: 'nu', low: 'nu' },
  },
  agent_status: {
    ...serverFields,
    agent_id: 's',
    data: { status: 's', cpu_usage: 'n', memory_usage: 'n', task_queue_size: 'n', last_update: 'n' },
  },
  backtest_progress: {
    ...serverFields,
    backtest_id: 's',
    data: {
      progress: 'n',
      current_date: 's',
      total_days: 'n',
      completed_days: 'n',
      estimated_remaining: 'n',
      status: 'su',
    },
  },
  alerts: { ...serverFields, data: { level: 's', message: 's', timestamp: 'n', source: 's' } },
  gap: { channel: 's', key: 's0', epoch: 's0', from: 'i0', to: 'i0', recoverable: 'b' },
  status: { state: 's' },
  token_expiring: { expires_at: 'n' },
  welcome: { seat: 's', server_time: 'n', expires_at: 'n', limits: { messages_per_second: 'n' } },
  subscribed: { channel: 's' },
  unsubscribed: {},
  pong: { server_time: 'n' },
  authenticated: { expires_at: 'n' },
  subscriptions: { subscriptions: 'o' },
  error: { error: 's', retry_after_ms: 'nu' },
};

/** The frame in what a WebSocket received. @throws when it is no message of the protocol */
export function readFrame(data: unknown): ServerFrame {
  const frame = JSON.parse(data as string) as ServerFrame;
  if (typeof data === 'string' && Object.hasOwn(SHAPES, frame.type) && fits(frame, SHAPES[frame.type])) return frame;
  throw new TypeError();
}

function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') return [...kindOf(value)].some((kind) => shape.includes(kind));
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(shape).every(([field, each]) => fits((value as Record<string, unknown>)[field], each))
  );
}

/** What a value is, a letter each: 0 for null, i for an integer from 0 that is exact, else the first letter of its type. */
function kindOf(value: unknown): string {
  if (value === null) return '0';
  return (typeof value)[0] + (Number.isSafeInteger(value) && (value as number) >= 0 ? 'i' : '');
}

export function isPush(frame: ServerFrame): frame is Push {
  return Object.hasOwn(KEY_FIELDS, frame.type);
}

/** The key of the stream that a push belongs to; null for alerts. */
export function keyOf(frame: Push): string | null {
  const field = KEY_FIELDS[frame.type];
  return field && String((frame as unknown as Record<string, unknown>)[field]);
}

/** The name of a stream, or of the subscription to all streams of a channel. */
export function nameOf(channel: Channel, key: string | null): string {
  return key === null ? channel : `${channel}:${key}`;
}
