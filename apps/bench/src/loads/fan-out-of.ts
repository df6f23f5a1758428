import type { Audience } from '../rig/audience.ts';
import { type FanOut, requireAll, runFanOut } from '../rig/fan-out.ts';
import type { Run, ServerKind } from '../types.ts';
import type { Extent } from './load.ts';

type Settings = Pick<FanOut, 'audience' | 'perSecond'> & Partial<Pick<FanOut, 'env' | 'count' | 'meanwhile'>>;

/** A server's run of a fan-out load, for `compare`; in a short one nothing may be missing. */
export function fanOutOf(extent: Extent, server: ServerKind, settings: Settings): (repeat: number) => Promise<Run> {
  return async (repeat) => {
    const { seconds, warmUpSeconds, profileTo } = extent;
    const { run, tally } = await runFanOut({ server, repeat, seconds, warmUpSeconds, profileTo, ...settings });
    if (extent.short) requireAll(server, tally);
    else if (tally.ended > 0 || tally.unaccounted > 0) {
      extent.say(
        `${server} lost: ${tally.unaccounted} events unaccounted for, ${tally.ended} connections ended (${tally.firstEnd})`,
      );
    }
    return run;
  };
}

export const OURS_TO_FLOOR = { of: 'tickcast', to: 'floor' } as const;

/** Counted in events a second, of all topics of an audience. */
export function rateOf(audience: Audience, perTopic: number): number {
  return audience.topics.length * perTopic;
}
