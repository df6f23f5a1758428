import { connect } from 'node:net';
import type { Quote } from '../../src/market/feed.ts';

/** A quote as Redis published it. */
export interface TapedQuote extends Quote {
  readonly seq: number;
  readonly epoch: string;
  /** By Redis's clock, Unix seconds. */
  readonly publishedAt: number;
}

export interface Tape {
  /** All quotes of a symbol so far, in the order in which Redis published them. */
  of(symbol: string): TapedQuote[];
  close(): void;
}

const HEAD = /^T1 (\d+) (\S+) (\S+) [01] \S+\n/;

/**
 * Records what Redis publishes of some symbols. It keeps its one connection however long Redis is silent, so that nothing is
 * missed of what Redis does when it wakes up.
 */
export async function startTape(port: number, symbols: readonly string[]): Promise<Tape> {
  const quotes: TapedQuote[] = [];
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.on('error', () => undefined);
  let rest = '';
  let subscribed = 0;
  const isReady = new Promise<void>((resolve) => {
    socket.on('data', (text: string) => {
      rest += text;
      for (let reply = firstReply(rest); reply !== null; reply = firstReply(rest)) {
        rest = rest.slice(reply.length);
        if (reply.kind === 'message') quotes.push(tapedQuote(reply.payload));
        else subscribed += 1;
      }
      if (subscribed === symbols.length) resolve();
    });
  });
  socket.write(`SUBSCRIBE ${symbols.map((symbol) => `tickcast:{market_data:${symbol}}`).join(' ')}\r\n`);
  await isReady;
  return {
    of: (symbol) => quotes.filter((quote) => quote.symbol === symbol),
    close: () => void socket.destroy(),
  };
}

interface Reply {
  /** Of the whole reply in the text. */
  length: number;
  kind: string;
  payload: string;
}

/** A push of Pub/Sub in RESP2: `*3`, the kind, the channel, and a payload or a count. Null while it is not whole. */
function firstReply(text: string): Reply | null {
  const head = /^\*3\r\n\$\d+\r\n(\w+)\r\n\$\d+\r\n[^\r]*\r\n(?::\d+|\$(\d+))\r\n/.exec(text);
  if (head === null) return null;
  const [all, kind = '', size] = head;
  if (size === undefined) return { length: all.length, kind, payload: '' };
  const length = all.length + Number(size) + 2;
  return text.length < length ? null : { length, kind, payload: text.slice(all.length, length - 2) };
}

function tapedQuote(message: string): TapedQuote {
  const head = HEAD.exec(message);
  if (head === null) throw new Error(`no numbered event: ${message}`);
  const [all, seq, epoch = '', publishedAt] = head;
  const { symbol, data } = JSON.parse(message.slice(all.length)) as { symbol: string; data: Omit<Quote, 'symbol'> };
  return { symbol, ...data, seq: Number(seq), epoch, publishedAt: Number(publishedAt) };
}
