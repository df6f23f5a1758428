const PER_SECOND = 10;

/** Lets at most 10 errors a second through to a client and counts the rest, which the next one reports. */
export class ErrorThrottle {
  #windowStart = Number.NEGATIVE_INFINITY;
  #sent = 0;
  #dropped = 0;

  /** Whether an error sent now would be let through. */
  hasRoom(now: number): boolean {
    return now - this.#windowStart >= 1000 || this.#sent < PER_SECOND;
  }

  /** How many errors were kept back since the last one sent, or null when this one must be kept back too. */
  admit(now: number): number | null {
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now;
      this.#sent = 0;
    }
    if (this.#sent >= PER_SECOND) {
      this.#dropped += 1;
      return null;
    }
    this.#sent += 1;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
