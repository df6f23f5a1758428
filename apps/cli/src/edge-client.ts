import { Tickcast, TickcastError } from '@tickcast/client';
import { explainClose } from './closes.ts';
import { edgeUrl, type Settings } from './config.ts';
import { CommandError } from './failures.ts';
import { onInterrupt } from './interrupt.ts';
import { note } from './notes.ts';
import { signToken } from './token.ts';

const TOKEN_SECONDS = 3600;
/** As a browser or a proxy reports the end of a connection that nobody closed. */
const BROKEN = 1006;

export interface EdgeOptions {
  url?: string | undefined;
  token?: string | undefined;
}

/** A client at work. */
export interface Following {
  client: Tickcast;
  /** Of the edge. */
  host: string;
  /** Ends it all quietly: what is iterated is done. */
  end(): void;
}

/**
 * Runs `work` with a client that comes back until Ctrl-C ends it, and tells on stderr what happens to its connection. Where
 * nobody answers the first time, it does not try again.
 *
 * @param name `sub` of the tokens that are made where none is given
 * @throws CommandError when there is no edge, or what the edge said last
 */
export async function followEdge<T>(
  settings: Settings,
  options: EdgeOptions,
  { name, work }: { name: string; work: (following: Following) => Promise<T> },
): Promise<T> {
  const client = await createClient(settings, options, { name, maxAttempts: Number.POSITIVE_INFINITY });
  const { host } = edgeUrl(settings, options);
  const end = (): void => void client.close();
  const { signal, release } = onInterrupt();
  signal.addEventListener('abort', end);
  let wasLive = false;
  let absence: unknown = null;
  client.on('state', ({ state, previous }) => {
    if (state === 'live' && previous === 'connecting') wasLive = true;
    else if (state !== 'connecting' && state !== 'closed') note(`${state} at ${host}`);
  });
  client.on('error', (error) => {
    if (!wasLive && error.code === 'connection_failed') {
      absence = error;
      end();
      // A final one is raised besides.
    } else if (client.state !== 'closed') note(say(error));
  });
  try {
    const result = await work({ client, host, end });
    if (absence !== null) throw absence;
    return result;
  } catch (error) {
    throw explainError(error, host);
  } finally {
    release();
    await client.close();
  }
}

/** @throws CommandError when there is neither a token nor a secret to make one with */
export async function createClient(
  settings: Settings,
  options: EdgeOptions,
  { name, maxAttempts }: { name: string; maxAttempts: number },
): Promise<Tickcast> {
  const token = await tokenSource(options.token ?? settings.token, settings, name);
  return new Tickcast(edgeUrl(settings, options), { token, maxAttempts });
}

/** The first token is made at once, so that a missing secret is told before anything else. */
async function tokenSource(given: string | undefined, { authSecret }: Settings, sub: string) {
  if (given !== undefined) return given;
  const sign = (): Promise<string> => signToken({ sub, ttlSeconds: TOKEN_SECONDS }, authSecret);
  await sign();
  return sign;
}

/** What the SDK raised, with what to do; anything else as it is. */
export function explainError(error: unknown, host: string): unknown {
  if (!(error instanceof TickcastError)) return error;
  const { code, closeCode, status, cause } = error;
  if (code === 'gave_up' && cause instanceof TickcastError) return explainError(cause, host);
  if (status === 404 || status === 426) {
    return new CommandError(`${say(error)}\n  Is the URL that of an edge, as in ws://localhost:8001/api/v1/websocket?`);
  }
  const isEnd = closeCode !== undefined || code === 'connection_failed';
  const text = isEnd ? explainClose(closeCode ?? BROKEN, say(error), host) : say(error);
  return new CommandError(text, { cause: error });
}

/** With what the system says of it: a certificate that is not trusted, a name that is not known. */
function say({ code, message, cause }: TickcastError): string {
  const reason = cause instanceof Error ? cause.message || String(Reflect.get(cause, 'code') ?? '') : '';
  return `${code}: ${message}${message.includes(reason) ? '' : ` (${reason})`}`;
}
