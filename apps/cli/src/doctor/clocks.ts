import { Finding, type Report } from './report.ts';

/** Above it, times that clients show are wrong by more than anybody takes for a delay. */
const APART_SECONDS = 1;

/**
 * Compares the clocks of this machine, of Redis and of an edge.
 *
 * @param redisAhead @param edgeAhead seconds that they are ahead of this machine's; null where not known
 */
export async function checkClocks(report: Report, redisAhead: number | null, edgeAhead: number | null): Promise<void> {
  await report.check('clock', '', () => {
    if (redisAhead === null && edgeAhead === null) throw new Finding('skipped', 'it takes Redis or an edge to compare');
    const known = [0, redisAhead, edgeAhead].filter((seconds) => seconds !== null);
    const state = [
      ...(redisAhead === null ? [] : [`Redis is ${apart(redisAhead)} this machine`]),
      ...(edgeAhead === null ? [] : [`the edge is ${apart(edgeAhead)} it`]),
    ]
      .join(', ')
      .replace(/^the edge is (.*) it$/, 'the edge is $1 this machine');
    if (Math.max(...known) - Math.min(...known) <= APART_SECONDS) return state;
    const advice = 'set the clocks (NTP): tokens end by the clock of the edge, and published_at is that of Redis';
    throw new Finding('warning', state, advice);
  });
}

function apart(ahead: number): string {
  const seconds = Math.abs(ahead);
  const readable = seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
  return `${readable} ${ahead < 0 ? 'behind' : 'ahead of'}`;
}
