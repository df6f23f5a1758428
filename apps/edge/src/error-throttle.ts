const PER_SECOND = 10;

/** Lets at most 10 errors through to a client in any second and counts the rest, which the next one reports. */
export class ErrorThrottle {
  /** Moments of the last errors sent, oldest first. */
  readonly #sent: number[] = [];
  #dropped = 0;

  /** Whether an error sent now would be let through. */
  hasRoom(now: number): boolean {
    const [oldest = Number.NEGATIVE_INFINITY] = this.#sent;
    return this.#sent.length < PER_SECOND || now - oldest >= 1000;
  }

  /** How many errors were kept back since the last one sent, or null when this one must be kept back too. */
  admit(now: number): number | null {
    if (!this.hasRoom(now)) {
      this.#dropped += 1;
      return null;
    }
    if (this.#sent.length === PER_SECOND) this.#sent.shift();
    this.#sent.push(now);
    return this.takeDropped();
  }

  /** How many errors were kept back and not reported yet; after this they count as reported. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
