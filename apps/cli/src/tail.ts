import { type Channel, CLOSES, keyField } from '@tickcast/protocol';
import { WebSocket } from 'ws';
import { channelArgument, keyArgument, parseCommand } from './arguments.ts';
import { checkUrl, type Settings } from './config.ts';
import { CommandError, UsageError } from './failures.ts';
import { signToken } from './token.ts';

// An edge closes a connection that was silent for 30 s, and alerts may be rare.
const PING_EVERY_MS = 10_000;
const TOKEN_SECONDS = 24 * 3600;
const SUBSCRIBE_ID = 'tail';

/** `tickcast tail`: prints the events of a channel, or of one stream of it, until the process is interrupted. */
export async function tailCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand(args, {
    url: { type: 'string', default: settings.url },
    token: { type: 'string' },
    json: { type: 'boolean', default: false },
  });
  if (positionals.length > 2) throw new UsageError('tail takes CHANNEL [KEY]');
  const channel = channelArgument(positionals[0]);
  const key = positionals[1] === undefined ? null : keyArgument(channel, positionals[1]);
  if (channel === 'market_data' && key === null) throw new UsageError('market_data needs a KEY, such as 0700.HK');
  const url = new URL(checkUrl('the URL of the edge', ['ws:', 'wss:'], values.url));
  url.searchParams.set('lang', 'en');
  const given = values.token ?? settings.token;
  const token = given ?? (await signToken({ sub: 'tickcast-tail', ttlSeconds: TOKEN_SECONDS }, settings.authSecret));
  await follow(url, token, subscription(channel, key), values.json ? printRaw : printReadable);
}

type Printer = (frame: Record<string, unknown>, text: string) => void;

function follow(url: URL, token: string, subscribe: object, print: Printer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
    const pings = setInterval(() => socket.readyState === WebSocket.OPEN && socket.ping(), PING_EVERY_MS);
    let interrupted = false;
    let lastError = '';
    const interrupt = (): void => {
      interrupted = true;
      socket.close(1000);
    };
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    // `tickcast tail … | head`: the reader has had enough.
    process.stdout.once('error', interrupt);

    socket.on('open', () => socket.send(JSON.stringify(subscribe)));
    socket.on('message', (data) => {
      const text = data.toString();
      const frame = JSON.parse(text) as Record<string, unknown>;
      if (frame['type'] === 'subscribed') console.error(`subscribed at ${url.host}`);
      else if (frame['type'] === 'error') lastError = `${String(frame['error'])}: ${String(frame['detail'])}`;
      else if ('data' in frame) print(frame, text);
      else console.error(text);
      // A refused subscribe leaves nothing to follow; other errors are followed by the server's close.
      if (frame['type'] === 'error' && frame['id'] === SUBSCRIBE_ID) socket.close(1000);
    });
    socket.on('error', (error) => (lastError ||= error.message));
    socket.on('close', (code, reason) => {
      clearInterval(pings);
      if (interrupted) resolve();
      else reject(new CommandError(explainEnd(url, lastError, code, reason.toString())));
    });
  });
}

function subscription(channel: Channel, key: string | null): object {
  const message = { type: 'subscribe', id: SUBSCRIBE_ID, channel };
  const field = keyField(channel);
  if (key === null || field === null) return message;
  return channel === 'market_data' ? { ...message, symbol: key } : { ...message, params: { [field]: key } };
}

function printRaw(_frame: Record<string, unknown>, text: string): void {
  console.log(text);
}

function printReadable(frame: Record<string, unknown>): void {
  const { type, data, symbol, agent_id, backtest_id, seq, published_at, ...rest } = frame;
  const at = typeof published_at === 'number' ? new Date(published_at * 1000) : new Date();
  const stream = [type, symbol ?? agent_id ?? backtest_id].filter((part) => part !== undefined).join(' ');
  const number = seq === undefined ? '' : ` #${String(seq)}`;
  const flags = Object.entries(rest).map(([name, value]) =>
    value === true ? ` ${name}` : ` ${name}=${String(value)}`,
  );
  console.log(`${at.toISOString().slice(11, 23)} ${stream}${number}${flags.join('')} ${JSON.stringify(data)}`);
}

function explainEnd(url: URL, lastError: string, code: number, reason: string): string {
  const known = Object.entries(CLOSES).find(([number]) => Number(number) === code)?.[1];
  const ended =
    code === 1006 ? `the connection to ${url.host} broke or was refused` : `closed ${code} ${reason}`.trim();
  const advice = known?.clientDoes ?? (code === 1006 ? 'Is an edge running there? `npm start` runs two.' : '');
  return [lastError, ended, advice].filter((part) => part !== '').join('\n  ');
}
