import type { LostEvents } from '@tickcast/client';

/** A gap for people. */
export function gapText({ channel, key, from, to, lost }: LostEvents): string {
  const stream = key === null ? channel : `${channel} ${key}`;
  const range =
    from === null ? '' : to === null ? ` from #${from} on` : from === to ? ` #${from}` : ` #${from} to #${to}`;
  const number = lost === null ? 'an unknown number of events' : `${lost} events`;
  return `gap in ${stream}:${range} will not come (${number})`;
}
