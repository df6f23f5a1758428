import { type Roamer, type RoamerOptions, sendRoamer } from '../roamer.ts';
import type { Fleet } from './fleet.ts';

/** Whoever is one of so many people; each holds a few seats. */
const SUBS = 100;
/** Every so many clients, one wants quotes too. */
const QUOTES_EVERY = 10;
/** Of those quotes. */
export const SYMBOL = '0700.HK';

/**
 * Has so many clients come through the balancer, all at once, and resolves when each has its seat and its subscriptions: all to
 * the alerts, one in ten to quotes of `SYMBOL` too.
 */
export async function gatherAudience(
  fleet: Fleet,
  count: number,
  optionsOf: (index: number) => RoamerOptions = () => ({}),
): Promise<readonly Roamer[]> {
  const tokens = await Promise.all(Array.from({ length: SUBS }, (_, index) => fleet.mintToken(`trader-${index}`)));
  const send = (_: unknown, index: number) =>
    sendRoamer(tokens[index % SUBS] as string, () => fleet.url, {
      ...(index % QUOTES_EVERY === 0 ? { symbol: SYMBOL } : {}),
      ...optionsOf(index),
    });
  return Promise.all(Array.from({ length: count }, send));
}

export const isSeated = ({ seats, closes }: Roamer) => seats.length === closes.length + 1;
