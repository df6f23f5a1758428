import { type Channel, isNormalKey } from './channels.ts';
import * as validators from './generated/validators.js';
import { MAX_FRAME_BYTES, MAX_FRAME_DEPTH } from './limits.ts';

/** What an edge needs to know of a good frame: its stream's key, and the status of an agent or backtest. */
export interface PublishedFrame {
  readonly key: string | null;
  readonly status: string | null;
}

export interface BadFrame {
  /** What is wrong, in English; repeats nothing of the frame but names of known fields. */
  readonly problem: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function problemOf({ errors }: { errors?: readonly validators.ValidationError[] | null }): BadFrame {
  const error = errors?.[0];
  if (error?.keyword === 'propertyNames' || error?.keyword === 'not') {
    return { problem: 'the frame has a field that only the server adds' };
  }
  const field = (error?.instancePath ?? '').slice(1).replaceAll('/', '.') || 'the frame';
  return { problem: `${field} ${error?.message ?? 'is invalid'}` };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** How deep the objects and arrays of a JSON text are nested. */
function depthOf(json: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let isInText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (isInText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isInText = false;
    } else if (byte === QUOTE) isInText = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) deepest = Math.max(deepest, (depth += 1));
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  return deepest;
}

function check(channel: Channel, frame: unknown): PublishedFrame | BadFrame {
  switch (channel) {
    case 'market_data': {
      const valid = validators.published_market_data;
      return valid(frame) ? { key: frame.symbol, status: null } : problemOf(valid);
    }
    case 'agent_status': {
      const valid = validators.published_agent_status;
      return valid(frame) ? { key: frame.agent_id, status: frame.data.status } : problemOf(valid);
    }
    case 'backtest_progress': {
      const valid = validators.published_backtest_progress;
      return valid(frame) ? { key: frame.backtest_id, status: frame.data.status ?? null } : problemOf(valid);
    }
    case 'alerts': {
      const valid = validators.published_alerts;
      return valid(frame) ? { key: null, status: null } : problemOf(valid);
    }
  }
}

/**
 * Checks a frame as a publisher sent it: at most 64 KiB of UTF-8, one JSON object with the channel's `type`, its key
 * in normal form, the required fields of `data`, and none of the server's own fields. Never throws.
 */
export function checkPublishedFrame(channel: Channel, bytes: Uint8Array): PublishedFrame | BadFrame {
  if (bytes.byteLength > MAX_FRAME_BYTES) return { problem: `the frame is over ${MAX_FRAME_BYTES} bytes` };
  const frame = parse(bytes);
  if (frame === undefined) return { problem: 'the frame is not JSON in UTF-8' };
  if (depthOf(bytes) > MAX_FRAME_DEPTH) return { problem: `the frame is over ${MAX_FRAME_DEPTH} levels deep` };
  const checked = check(channel, frame);
  if ('problem' in checked || isNormalKey(channel, checked.key)) return checked;
  return { problem: 'the key is not in normal form' };
}
