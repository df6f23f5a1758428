import type { LadderPoint } from '../types.ts';
import { inDigits } from './numbers.ts';
import type { Row } from './rows.ts';

const PERCENT = 100;

export const LADDER_HEADINGS: Row = [
  'ladder',
  'events/s a symbol',
  'deliveries/s',
  'p50 ms',
  'p99 ms',
  'missing %',
  'server CPU %',
  'others',
];

/** A row a rung, as the servers climbed it. */
export function ladderRowsOf(ladder: readonly LadderPoint[]): Row[] {
  return ladder.map((point) => [
    point.server,
    String(point.rate),
    inDigits(point.deliveriesPerSecond),
    inDigits(point.p50Ms),
    inDigits(point.p99Ms),
    (point.missing * PERCENT).toFixed(2),
    point.serverCpuPercent.toFixed(0),
    isDoubtful(point) ? 'no time left' : '',
  ]);
}

/** Whether in one of its climbs clients, publisher and Redis had no time left. */
export function isDoubtful({ climbs }: LadderPoint): boolean {
  return climbs.some(({ othersSaturated }) => othersSaturated);
}
