import { MAX_SYMBOLS } from './limits.ts';

/**
 * Concrete explanations that take the place of an error code's general text. Each says what to do next.
 */
export const REASONS = {
  not_an_object: {
    zh: '消息必须是一个JSON对象，例如 {"type":"ping"}',
    en: 'The message must be one JSON object, for example {"type":"ping"}.',
  },
  type_missing: {
    zh: '消息缺少字符串字段 type，请注明消息类型，例如 "subscribe"',
    en: 'The message has no string field type. Say what it is, for example "subscribe".',
  },
  id_invalid: {
    zh: 'id 必须是最多64个字符的字符串或整数，请修改或去掉它',
    en: 'id must be a string of up to 64 characters or an integer. Change it or leave it out.',
  },
  channel_missing: {
    zh: '缺少字符串字段 channel，请使用 market_data、agent_status、backtest_progress 或 alerts',
    en: 'The string field channel is missing. Use market_data, agent_status, backtest_progress or alerts.',
  },
  symbol_invalid: {
    zh: 'symbol 不是有效的股票代码，请使用1至64个字母、数字或 . ^ = _ - 组成的代码，例如 0700.HK',
    en: 'symbol is not a stock symbol. Use 1 to 64 letters, digits or . ^ = _ -, for example 0700.HK.',
  },
  symbols_invalid: {
    zh: `symbols 必须是1至${MAX_SYMBOLS}个字符串组成的数组，请修改后重发`,
    en: `symbols must be an array of 1 to ${MAX_SYMBOLS} strings. Change it, then send the message again.`,
  },
  symbols_and_symbol: {
    zh: 'symbol 与 symbols 不能同时使用，请只保留其中一个',
    en: 'symbol and symbols exclude each other. Keep only one of them.',
  },
  symbols_not_here: {
    zh: 'symbols 只能用于订阅 market_data，请改用 params 或去掉它',
    en: 'symbols is only for the market_data channel. Use params instead, or leave it out.',
  },
  params_invalid: {
    zh: 'params 必须是JSON对象，请修改或去掉它',
    en: 'params must be a JSON object. Change it or leave it out.',
  },
  agent_id_invalid: {
    zh: 'params.agent_id 无效，请使用1至64个字母、数字或 . ^ = _ - 组成的编号，或去掉它以订阅全部',
    en: 'params.agent_id is not an id. Use 1 to 64 letters, digits or . ^ = _ -, or leave it out to get all.',
  },
  backtest_id_invalid: {
    zh: 'params.backtest_id 无效，请使用1至64个字母、数字或 . ^ = _ - 组成的编号，或去掉它以订阅全部',
    en: 'params.backtest_id is not an id. Use 1 to 64 letters, digits or . ^ = _ -, or leave it out to get all.',
  },
  since_invalid: {
    zh: 'since 必须包含 epoch（1至64个字符的字符串）和 seq（非负整数），请使用收到过的值或去掉它',
    en: 'since needs epoch (a string of 1 to 64 characters) and seq (an integer from 0). Use values you received, or leave it out.',
  },
  since_many_streams: {
    zh: 'since 只能用于单个数据流，请逐个订阅，或去掉它',
    en: 'since is for a single stream. Subscribe to the streams one by one, or leave it out.',
  },
  timestamp_invalid: {
    zh: 'timestamp 必须是数字（Unix 秒），请修改或去掉它',
    en: 'timestamp must be a number (Unix seconds). Change it or leave it out.',
  },
  token_missing: {
    zh: '缺少字符串字段 token，请在 auth 消息中提供访问令牌',
    en: 'The string field token is missing. Give the access token in the auth message.',
  },
  seat_invalid: {
    zh: 'seat 必须是最多128个字符的字符串，请使用 welcome 中的席位编号，或去掉它',
    en: 'seat must be a string of up to 128 characters. Use the seat id of welcome, or leave it out.',
  },
  sub_changed: {
    zh: '新令牌属于另一个用户，原令牌继续有效；请使用同一用户的令牌，或另建连接',
    en: 'The new token belongs to another user; the old one stands. Use a token of the same user, or another connection.',
  },
  too_many_at_the_door: {
    zh: '等待进入的连接过多，请在 retry_after_ms 毫秒后重试',
    en: 'Too many connections are waiting to get in. Try again after retry_after_ms milliseconds.',
  },
  sent_too_early: {
    zh: '连接就绪之前发送的消息过多，请稍候再重新连接，并在就绪后再发送',
    en: 'Too much was sent before the connection was ready. Wait a little, connect again, and send more slowly.',
  },
} as const;

export type Reason = keyof typeof REASONS;
