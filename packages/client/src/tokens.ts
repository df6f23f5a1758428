import { TickcastError } from './errors.ts';

/** A JWT, or what is asked for one whenever the one before has expired or was refused. */
export type Token = string | (() => string | Promise<string>);

/** What may stand in a header and in a subprotocol. A platform's own message about it would quote the token. */
const SENDABLE = /^[\w.-]+$/;

/** Where the client has its token from. */
export class TokenSource {
  readonly #token: Token;
  #current: Promise<string> | null = null;
  /** Unix ms by the server's clock. */
  #expiresAt = Infinity;

  constructor(token: Token) {
    this.#token = token;
  }

  /** Whether another one can be had. */
  get isRenewable(): boolean {
    return typeof this.#token === 'function';
  }

  /**
   * The token to connect with.
   *
   * @param now Unix ms by the server's clock
   * @throws TickcastError `token_unavailable`
   */
  get(now: number): Promise<string> {
    if (now >= this.#expiresAt) this.forget();
    this.#current ??= this.#ask();
    return this.#current;
  }

  /** It was refused, has expired, or is about to: `get` asks for another. */
  forget(): void {
    this.#current = null;
    this.#expiresAt = Infinity;
  }

  /** @param at Unix seconds, as the server said */
  expiresAt(at: number): void {
    if (this.isRenewable) this.#expiresAt = at * 1000;
  }

  async #ask(): Promise<string> {
    let cause: unknown;
    try {
      const token = typeof this.#token === 'function' ? await this.#token() : this.#token;
      if (SENDABLE.test(token)) return token;
    } catch (error) {
      cause = error;
    }
    this.#current = null;
    throw new TickcastError('token_unavailable', 'The token is no JWT, or its function failed: see cause.', { cause });
  }
}
