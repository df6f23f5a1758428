import { parseChannelsClaim } from '@tickcast/protocol';
import { SignJWT } from 'jose';
import { noArguments, parseCommand } from './arguments.ts';
import type { Settings } from './config.ts';
import { parseDuration } from './duration.ts';
import { CommandError, UsageError } from './failures.ts';

interface TokenRequest {
  sub: string;
  /** Entries of the `channels` claim; undefined leaves the claim out, which means everything. */
  channels?: readonly string[] | undefined;
  ttlSeconds: number;
}

/** `tickcast token`: prints a token. */
export async function tokenCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('token', args);
  noArguments('token', positionals);
  if (!values.sub) throw new UsageError('--sub NAME is needed: whom the token is for');
  const channels = values.channels?.split(',').map((entry) => entry.trim());
  if (channels !== undefined && parseChannelsClaim(channels) === null) {
    throw new UsageError(`--channels "${values.channels}" is not a list of CHANNEL or CHANNEL:KEY`);
  }
  const ttlSeconds = parseDuration(values.ttl);
  console.log(await signToken({ sub: values.sub, channels, ttlSeconds }, settings.authSecret));
}

/** Signs an HS256 token. @throws CommandError when there is no secret */
export async function signToken({ sub, channels, ttlSeconds }: TokenRequest, secret?: string): Promise<string> {
  if (secret === undefined) {
    throw new CommandError(
      'there is no secret to sign with: set TICKCAST_AUTH_SECRET, or TICKCAST_AUTH_SECRET_FILE, to that of the edges',
    );
  }
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub, iat: now, exp: now + ttlSeconds, ...(channels === undefined ? {} : { channels }) };
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(new TextEncoder().encode(secret));
}
