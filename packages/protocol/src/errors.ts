import { REASONS, type Reason } from './reasons.ts';

export type Lang = 'zh' | 'en';

/** One text in both languages; `{name}` is a slot. */
export interface Text {
  readonly zh: string;
  readonly en: string;
}

/** Values for the slots of an error's text. */
export type ErrorParams = Readonly<Record<string, string | number>>;

/** Every error code of the protocol with its text. The first three are word for word what v1 documented. */
export const ERRORS = {
  invalid_message_format: {
    zh: '消息必须是有效的JSON格式',
    en: 'The message must be valid JSON: send one JSON object in a text frame.',
  },
  unsupported_message_type: {
    zh: '不支持的消息类型: {type}',
    en: 'Unsupported message type: {type}. Use subscribe, unsubscribe, ping, hello, auth or list.',
  },
  authentication_failed: {
    zh: '无效或过期的访问令牌',
    en: 'Invalid or expired access token. Get a new token, then connect again.',
  },
  invalid_parameters: {
    zh: '消息参数无效，请对照协议文档检查各字段后重发',
    en: 'Invalid parameters. Check the fields of the message against the protocol, then send it again.',
  },
  unsupported_channel: {
    zh: '不支持的频道: {channel}，请使用 market_data、agent_status、backtest_progress 或 alerts',
    en: 'Unsupported channel: {channel}. Use market_data, agent_status, backtest_progress or alerts.',
  },
  symbol_required: {
    zh: '频道 market_data 需要 symbol，请提供股票代码，例如 0700.HK',
    en: 'The market_data channel needs a symbol. Give one, for example 0700.HK.',
  },
  forbidden: {
    zh: '访问令牌无权订阅 {stream}，请换用 channels 声明包含它的令牌',
    en: 'The access token does not allow {stream}. Use a token whose channels claim includes it.',
  },
  subscription_limit_exceeded: {
    zh: '订阅数量已达上限（每个连接最多{limit}个），请先取消不需要的订阅',
    en: 'Too many subscriptions: at most {limit} a connection. Unsubscribe from some first.',
  },
  rate_limited: {
    zh: '消息过于频繁（每秒最多{limit}条），该消息已被丢弃，请放慢发送后重试',
    en: 'Too many messages: at most {limit} a second. This one was dropped. Slow down, then send it again.',
  },
  connection_limit_exceeded: {
    zh: '连接数已达上限（{limit}），请在 retry_after_ms 毫秒后重试',
    en: 'All {limit} connections are in use. Try again after retry_after_ms milliseconds.',
  },
  message_too_large: {
    zh: '消息超过{limit}字节上限，请拆分消息后重新连接',
    en: 'The message is over {limit} bytes. Split it, then connect again.',
  },
  token_expired: {
    zh: '访问令牌已过期，请获取新令牌后重新连接',
    en: 'The access token has expired. Get a new token, then connect again.',
  },
  idle_timeout: {
    zh: '连接{seconds}秒无活动，已断开，请在需要时重新连接，并定期发送 ping',
    en: 'Nothing was sent for {seconds} seconds. Connect again when you need to, and send ping to stay connected.',
  },
  slow_consumer: {
    zh: '客户端接收过慢，连接已断开，请加快读取，重新连接后用 since 续传',
    en: 'This client reads too slowly. Read faster, connect again, and subscribe with since.',
  },
  draining: {
    zh: '服务节点即将下线，请立即带上席位编号（seat）重新连接',
    en: 'This node is about to stop. Connect again now with your seat id.',
  },
  backplane_unavailable: {
    zh: '消息后端暂时不可用，请稍后重试',
    en: 'The message backplane is out of reach for now. Try again a little later.',
  },
} as const satisfies Record<string, Text>;

export type ErrorCode = keyof typeof ERRORS;

/** All error codes, in the order of the table. */
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

/** Fills the slots of a text. A slot without a value shows as `?`: an error must never fail to be sent. */
function fill(template: string, params: ErrorParams): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(Object.hasOwn(params, name) ? params[name] : '?'));
}

/** The general text of an error code, its slots filled from `params`. */
export function errorDetail(code: ErrorCode, lang: Lang, params: ErrorParams = {}): string {
  return fill(ERRORS[code][lang], params);
}

/** The specific text of a reason, its slots filled from `params`. */
export function reasonDetail(reason: Reason, lang: Lang, params: ErrorParams = {}): string {
  return fill(REASONS[reason][lang], params);
}

export interface ErrorFrameOptions {
  /** Default `zh`. */
  readonly lang?: Lang | undefined;
  /** The `id` of the message that failed. */
  readonly id?: string | number | undefined;
  /** Milliseconds before which a retry is pointless. */
  readonly retryAfterMs?: number | undefined;
  /** How many errors were held back since the last one sent. */
  readonly dropped?: number | undefined;
  /** Says more exactly than the code what is wrong. */
  readonly reason?: Reason | undefined;
  /** Replaces the text altogether. */
  readonly detail?: string | undefined;
  /** Values for the slots of the text. */
  readonly params?: ErrorParams | undefined;
}

/** The text of an `error` frame: compact JSON, fields in the documented order. */
export function errorFrame(code: ErrorCode, options: ErrorFrameOptions = {}): string {
  const { lang = 'zh', reason, params } = options;
  const detail = options.detail ?? (reason ? reasonDetail(reason, lang, params) : errorDetail(code, lang, params));
  // JSON.stringify leaves undefined members out.
  return JSON.stringify({
    type: 'error',
    error: code,
    detail,
    id: options.id,
    retry_after_ms: options.retryAfterMs,
    dropped: options.dropped,
  });
}
