/** How far the server's clock is from this one, as its answers show. */
export class ServerClock {
  #offsetMs = 0;
  #roundTripMs = Infinity;

  /** Now by the server's clock, Unix milliseconds. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** Forgets how good its best answer was: on another connection, or after a sleep, the clocks may stand otherwise. */
  renew(): void {
    this.#roundTripMs = Infinity;
  }

  /** @param askedAt by this clock, Unix ms @param serverTime of the answer, Unix seconds */
  learn(askedAt: number, serverTime: number): void {
    const roundTripMs = Date.now() - askedAt;
    // Of a slow answer nobody knows which way took the time.
    if (roundTripMs > this.#roundTripMs) return;
    this.#roundTripMs = roundTripMs;
    this.#offsetMs = serverTime * 1000 - (askedAt + roundTripMs / 2);
  }
}
