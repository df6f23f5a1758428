/** When the market is open: always, in the hours of the Hong Kong exchange, or in these without the lunch break. */
export const HOURS = ['always', 'hkex', 'hkex-no-lunch'] as const;
export type Hours = (typeof HOURS)[number];

/** Hong Kong has had no daylight saving time since 1979. */
const OFFSET_SECONDS = 8 * 3600;
const DAY_SECONDS = 86_400;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const NO_HOLIDAYS: ReadonlySet<string> = new Set();

const MORNING = timeOfDay(9, 30);
const LUNCH = timeOfDay(12, 0);
const AFTERNOON = timeOfDay(13, 0);
const CLOSE = timeOfDay(16, 0);

/** The Hong Kong day of a moment in Unix seconds, as a number that is cheap to compare. It is the session of a quote. */
export function sessionOf(unixSeconds: number): number {
  return Math.floor((unixSeconds + OFFSET_SECONDS) / DAY_SECONDS);
}

/** The Hong Kong date of a moment in Unix seconds: `YYYY-MM-DD`. */
export function hongKongDate(unixSeconds: number): string {
  return new Date((unixSeconds + OFFSET_SECONDS) * 1000).toISOString().slice(0, 10);
}

/** Whether a text is a date that exists, written `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  const midnight = DATE.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(text);
}

/** The end of the exchange's session on a date, in Unix seconds. */
export function sessionEnd(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / 1000 - OFFSET_SECONDS + CLOSE;
}

/**
 * Whether there is trade at a moment in Unix seconds. The exchange's hours are 09:30 to 12:00 and 13:00 to 16:00, Monday to
 * Friday; a session includes its first moment and not its last.
 *
 * @param holidays dates of Hong Kong, `YYYY-MM-DD`, on which the exchange is closed
 */
export function isOpen(hours: Hours, unixSeconds: number, holidays: ReadonlySet<string> = NO_HOLIDAYS): boolean {
  if (hours === 'always') return true;
  const day = sessionOf(unixSeconds);
  // Day 0 was a Thursday.
  const weekday = (day + 4) % 7;
  if (weekday === 0 || weekday === 6 || holidays.has(hongKongDate(unixSeconds))) return false;
  const time = unixSeconds + OFFSET_SECONDS - day * DAY_SECONDS;
  if (time < MORNING || time >= CLOSE) return false;
  return hours === 'hkex-no-lunch' || time < LUNCH || time >= AFTERNOON;
}

function timeOfDay(hours: number, minutes: number): number {
  return hours * 3600 + minutes * 60;
}
