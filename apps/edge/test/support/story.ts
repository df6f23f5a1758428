import type { Frame, TestClient } from '@tickcast/testing';

const CHANNELS = new Set<unknown>(['market_data', 'agent_status', 'backtest_progress', 'alerts']);
/** What the publisher wrote, and the time, which no test can know. */
const PLAIN_FIELDS = new Set(['seq', 'type', 'published_at', 'symbol', 'agent_id', 'backtest_id', 'data']);
/** Answers to what a test asks for by the way. */
const ASIDE = new Set<unknown>(['welcome', 'pong']);

/**
 * All that a client was sent, a line a frame, in order and with every field that accounts for something: `3`,
 * `7 conflated:2 recovered`, `5 snapshot`, `gap e1 4..6`, `gap e1 4..?`, `subscribed e2 7 recovered`, `error slow_consumer`.
 *
 * @param epochs what is to be called e1, e2…
 * @param key of the only stream that is told of; all when absent
 */
export function storyOf(client: TestClient, epochs: readonly string[] = [], key?: string): string[] {
  const nameOf = (epoch: unknown) => {
    const index = epochs.indexOf(String(epoch));
    return index < 0 ? String(epoch) : `e${index + 1}`;
  };
  return client.frames.flatMap(({ frame }) => {
    const { type, epoch, seq, ...rest } = frame;
    if (ASIDE.has(type)) return [];
    if (key !== undefined && ![rest['symbol'], rest['agent_id'], rest['backtest_id'], rest['key']].includes(key))
      return [];
    if (CHANNELS.has(type)) return [pushLine(frame)];
    if (type === 'gap') {
      const { from, to, recoverable } = rest;
      return [
        `gap ${nameOf(epoch)} ${String(from)}..${to === null ? '?' : String(to)}${recoverable ? ' recoverable' : ''}`,
      ];
    }
    if (type === 'subscribed')
      return [`subscribed ${nameOf(epoch)} ${String(seq)}${rest['recovered'] ? ' recovered' : ''}`];
    return [[type, rest['error'] ?? rest['state'] ?? ''].join(' ').trimEnd()];
  });
}

function pushLine(frame: Record<string, unknown>): string {
  const marks = Object.entries(frame)
    .filter(([field]) => !PLAIN_FIELDS.has(field))
    .map(([field, value]) => (value === true ? field : `${field}:${String(value)}`));
  return [frame['seq'] ?? 'raw', ...marks.toSorted()].join(' ');
}

/** The lines of pushes with these numbers, each with the same marks. */
export function run(from: number, to: number, marks = ''): string[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => `${from + index} ${marks}`.trimEnd());
}

/** Where two long stories part, for a readable failure; null when they are the same. */
export function firstDifference(story: readonly string[], expected: readonly string[]): object | null {
  const at = Array.from({ length: Math.max(story.length, expected.length) }).findIndex(
    (_, index) => story[index] !== expected[index],
  );
  return at < 0 ? null : { at, told: story.slice(at, at + 5), expected: expected.slice(at, at + 5) };
}

/** Picks the push of an alert by its number. */
export function alertWith(seq: number): (frame: Frame) => boolean {
  return (frame) => frame.type === 'alerts' && frame['seq'] === seq;
}
