import {
  type ErrorCode,
  type ErrorParams,
  type Lang,
  type Reason,
  errorDetail,
  reasonDetail,
} from '@tickcast/protocol';

/** An answer in HTTP, to a request that is not upgraded. */
export interface Refusal {
  status: string;
  /** JSON. */
  body: string;
  retryAfterSeconds: number | null;
}

function plain(status: string, error: string, detail: string): Refusal {
  return { status, body: JSON.stringify({ type: 'error', error, detail }), retryAfterSeconds: null };
}

export const NOT_FOUND = plain(
  '404 Not Found',
  'not_found',
  '路径不存在，请连接 /api/v1/websocket (no such path: connect to /api/v1/websocket)',
);

export const UPGRADE_REQUIRED = plain(
  '426 Upgrade Required',
  'upgrade_required',
  '请使用WebSocket协议连接 (connect with a WebSocket client)',
);

export const ORIGIN_FORBIDDEN = plain(
  '403 Forbidden',
  'forbidden',
  '不允许的来源，请将其加入 TICKCAST_ALLOWED_ORIGINS (this Origin is not in TICKCAST_ALLOWED_ORIGINS)',
);

/** 503 with Retry-After: come back later, or to another node. */
export function unavailable(
  code: ErrorCode,
  lang: Lang,
  options: { retryAfterSeconds: number; reason?: Reason; params?: ErrorParams },
): Refusal {
  const { retryAfterSeconds, reason, params } = options;
  return {
    status: '503 Service Unavailable',
    body: JSON.stringify({
      type: 'error',
      error: code,
      detail: reason ? reasonDetail(reason, lang, params) : errorDetail(code, lang, params),
      retry_after_ms: retryAfterSeconds * 1000,
    }),
    retryAfterSeconds,
  };
}
