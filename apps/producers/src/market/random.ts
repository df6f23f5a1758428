/** mulberry32: 32 bits of state, evenly spread over [0, 1). Good enough for prices that are not real. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a: a seed of 32 bits out of a text. */
export function textSeed(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** Brings a list into a random order, in place. */
export function shuffle(list: unknown[], random: () => number): void {
  for (let left = list.length; left > 1; left--) {
    const at = Math.floor(random() * left);
    [list[left - 1], list[at]] = [list[at], list[left - 1]];
  }
}
