/** What a stock stands at: open, high, low and volume are those of its trading day so far. */
export interface Quote {
  /** In normal form, e.g. `0700.HK`. */
  readonly symbol: string;
  /** When it was made, Unix seconds. */
  readonly timestamp: number;
  /** The last price; prices are in HKD. */
  readonly price: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  /** Shares traded in the day. */
  readonly volume: number;
}

/**
 * Where quotes come from. This is all that a feed of one's own has to be; publishing, taking over from another worker and
 * waiting for Redis are the business of the market role.
 */
export interface Feed {
  /**
   * The symbols it has quotes of, in normal form. Asked once, when the worker starts.
   *
   * @param signal aborted when this worker has to stop: nobody waits for the answer any more
   * @throws when the source is not usable: then the worker does not start
   */
  symbols(signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Batches of quotes as they come due. Called whenever this worker takes over, and only one of its answers is read at a
   * time. A quote that can't be published at once gives way to the next one of its symbol, so that a slow Redis never holds
   * a feed up.
   *
   * @param last the last value of each symbol that has one, in the order in which they were published: go on from there.
   * Redis has them all, or has them again by now if it lost them and this worker did not
   * @param signal aborted when this worker has to stop: end soon after
   * @throws when the source fails: the worker that takes over, maybe this one, calls again
   */
  quotes(last: ReadonlyMap<string, Quote>, signal: AbortSignal): AsyncIterable<readonly Quote[]>;
}
