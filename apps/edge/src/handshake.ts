import type { Lang } from '@tickcast/protocol';
import type { EdgeConfig } from './config.ts';

/** The parts of an HTTP request that a handshake looks at; header names in lower case, '' when absent. */
export interface HandshakeRequest {
  header(name: string): string;
  query(name: string): string | undefined;
}

/** What a client brought along. */
export interface Handshake {
  token: string | null;
  /** The subprotocol the answer selects; '' for none. Never the token. */
  protocol: string;
  seat: string | null;
  lang: Lang;
}

const BEARER = /^bearer +(\S+) *$/i;
const SUBPROTOCOL = 'Authorization';
const SEAT_ID = /^[A-Za-z0-9_-]{1,64}$/;

function subprotocols(header: string): { offered: boolean; token: string | null } {
  const [first = '', second] = header.split(',').map((part) => part.trim());
  if (first !== SUBPROTOCOL) return { offered: false, token: null };
  // Browsers can't send the space of "Bearer <jwt>"; the seed's sample shows it, so raw clients may.
  return { offered: true, token: second ? second.replace(/^bearer +/i, '') : null };
}

/** Reads the token (header, then subprotocol, then query), the seat id and the language out of a handshake. */
export function readHandshake(request: HandshakeRequest, allowQueryToken: boolean): Handshake {
  const fromHeader = BEARER.exec(request.header('authorization'))?.[1] ?? null;
  const offer = subprotocols(request.header('sec-websocket-protocol'));
  const fromQuery = allowQueryToken ? (request.query('access_token') ?? null) : null;
  return {
    token: fromHeader ?? offer.token ?? fromQuery,
    protocol: offer.offered ? SUBPROTOCOL : '',
    seat: readSeatId(request.query('seat')),
    lang: request.query('lang') === 'en' ? 'en' : 'zh',
  };
}

/** A seat id as a client may bring it, or null: an id that can't be one counts as unknown. */
export function readSeatId(value: string | undefined): string | null {
  return value !== undefined && SEAT_ID.test(value) ? value : null;
}

/**
 * Whether a page of this origin may connect (RFC 6455, section 10.2). Browsers send Origin, others need not.
 * By default the page must come from the host it connects to, or from this machine.
 */
export function isOriginAllowed(origin: string, host: string, allowed: EdgeConfig['allowedOrigins']): boolean {
  if (origin === '') return true;
  if (allowed) return allowed.includes('*') || allowed.includes(origin);
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.host === host || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}
