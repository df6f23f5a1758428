/** What of the streams whose frames may be collected was delivered in some time. */
export interface Traffic {
  /** Frames, each counted for every socket that it went to. */
  frames: number;
  /** Sockets that got at least one. */
  sockets: number;
}

interface Members {
  /** As long as the highest number among them needs; it shrinks when the last one leaves. */
  bits: Uint32Array;
  count: number;
}

/**
 * Which sockets each topic reaches, a bit for each: so the sockets that a turn of the loop has reached, which is the writes
 * it costs, can be counted without a loop over sockets or frames.
 */
export class Reach {
  readonly #topics = new Map<string, Members>();
  /** Numbers of sockets that are gone. */
  readonly #free: number[] = [];
  #next = 0;
  /** Reached in this turn of the loop. */
  #turn = new Uint32Array(32);
  /** Reached by what may be collected, since it was last asked for. */
  #lately = new Uint32Array(32);
  #latelyFrames = 0;
  #isTurnOpen = false;
  /** Frames for every socket they went to, since the start. */
  frames = 0;
  /**
   * Writes they made, one for each socket that a turn of the loop reached: an estimate, as the engine writes before and after it
   * waits for the network, and in pieces where it is much.
   */
  writes = 0;

  /** A number for a new socket. */
  enter(): number {
    return this.#free.pop() ?? this.#next++;
  }

  /** The socket has left all topics. */
  leave(socket: number): void {
    this.#free.push(socket);
  }

  join(topic: string, socket: number): void {
    let members = this.#topics.get(topic);
    if (!members) this.#topics.set(topic, (members = { bits: new Uint32Array(1), count: 0 }));
    const word = socket >>> 5;
    if (word >= members.bits.length) members.bits = grown(members.bits, word);
    const mask = 1 << (socket & 31);
    if (((members.bits[word] ?? 0) & mask) !== 0) return;
    members.bits[word] = (members.bits[word] ?? 0) | mask;
    members.count += 1;
  }

  part(topic: string, socket: number): void {
    const members = this.#topics.get(topic);
    if (!members) return;
    const word = socket >>> 5;
    const mask = 1 << (socket & 31);
    if (((members.bits[word] ?? 0) & mask) === 0) return;
    members.bits[word] = (members.bits[word] ?? 0) & ~mask;
    members.count -= 1;
    if (members.count === 0) this.#topics.delete(topic);
  }

  /** Notes that a frame goes to a topic. @param isCollected it may have waited for others @returns to how many sockets */
  publish(topic: string, isCollected: boolean): number {
    const members = this.#topics.get(topic);
    if (!members) return 0;
    const { bits, count } = members;
    this.#turn = united(this.#turn, bits);
    this.frames += count;
    if (isCollected) {
      this.#lately = united(this.#lately, bits);
      this.#latelyFrames += count;
    }
    if (!this.#isTurnOpen) {
      this.#isTurnOpen = true;
      setImmediate(() => this.#endTurn());
    }
    return count;
  }

  /** What was published of collected streams since this was last asked. */
  takeTraffic(): Traffic {
    const traffic = { frames: this.#latelyFrames, sockets: countOf(this.#lately) };
    this.#latelyFrames = 0;
    this.#lately.fill(0);
    return traffic;
  }

  #endTurn(): void {
    this.#isTurnOpen = false;
    this.writes += countOf(this.#turn);
    this.#turn.fill(0);
  }
}

/** The first set with all of the other in it, grown where it is too small for them. */
function united(set: Uint32Array<ArrayBuffer>, others: Uint32Array): Uint32Array<ArrayBuffer> {
  const union = others.length > set.length ? grown(set, others.length - 1) : set;
  for (let word = 0; word < others.length; word += 1) union[word] = (union[word] ?? 0) | (others[word] ?? 0);
  return union;
}

/** A longer copy, with room for `word` and some more. */
function grown(bits: Uint32Array, word: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(Math.max(word + 1, bits.length * 2));
  longer.set(bits);
  return longer;
}

function countOf(bits: Uint32Array): number {
  let count = 0;
  for (const word of bits) {
    let left = word - ((word >>> 1) & 0x55555555);
    left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
    count += (((left + (left >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
  }
  return count;
}
