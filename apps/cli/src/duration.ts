import { UsageError } from './failures.ts';

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of a time such as `90s`, `15m`, `1h` or `7d`. @throws UsageError for anything else, and for none at all */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit ?? ''] ?? 0);
  if (seconds > 0) return seconds;
  throw new UsageError(`"${text}" is not a time like 90s, 15m, 1h or 7d`);
}
