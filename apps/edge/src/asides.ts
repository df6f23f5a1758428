import { Aside } from './aside.ts';
import type { Connection } from './connection.ts';
import type { Feed } from './feed.ts';

/** The feeds whose topics do not reach a client for now, and whether that is because it is too slow. */
export class Asides {
  readonly #connection: Connection;
  readonly #onChange: (feed: Feed) => void;
  /** null for nearly every client, nearly always. */
  #asides: Map<Feed, Aside> | null = null;
  #paused = false;

  /** @param onChange the client has to leave the topics of a feed, or may join them again */
  constructor(connection: Connection, onChange: (feed: Feed) => void) {
    this.#connection = connection;
    this.#onChange = onChange;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  get(feed: Feed): Aside | undefined {
    return this.#asides?.get(feed);
  }

  /** The client's place beside the feed's topics, which it leaves for it. */
  enter(feed: Feed): Aside {
    const known = this.get(feed);
    if (known) return known;
    const aside = new Aside(this.#connection, feed, () => {
      // It may have been dropped, and another be there.
      if (this.get(feed) !== aside) return;
      this.drop(feed);
      this.#onChange(feed);
    });
    // Nobody would ever take it away again.
    if (this.#connection.ended) return aside;
    aside.slow = this.#paused;
    this.#asides ??= new Map();
    this.#asides.set(feed, aside);
    feed.asides.add(aside);
    this.#onChange(feed);
    return aside;
  }

  /** Whatever waits there is not wanted any more. */
  drop(feed: Feed): void {
    const aside = this.get(feed);
    if (!aside) return;
    aside.endReplay();
    feed.asides.delete(aside);
    this.#asides?.delete(feed);
    if (this.#asides?.size === 0) this.#asides = null;
  }

  clear(): void {
    for (const feed of this.#asides?.keys() ?? []) this.drop(feed);
  }

  /** The client is too slow: from now on it gets what it can take. */
  pause(feeds: Iterable<Feed>): void {
    this.#paused = true;
    for (const feed of feeds) this.enter(feed).slow = true;
  }

  /** The client has read what was sent to it: it gets what has waited, and goes on with the others. */
  resume(): void {
    for (const aside of this.#asides?.values() ?? []) if (!aside.flush()) return;
    this.#paused = false;
    this.#connection.resumed();
    for (const aside of this.#asides?.values() ?? []) {
      aside.slow = false;
      aside.endIfOver();
    }
  }

  /** The client has read something: a replay may go on. */
  drained(): void {
    for (const { replay } of this.#asides?.values() ?? []) replay?.drained();
  }

  /** Whether a replay has made no progress for too long. */
  get isStalled(): boolean {
    for (const { replay } of this.#asides?.values() ?? []) if (replay?.isStalled) return true;
    return false;
  }
}
