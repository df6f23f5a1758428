import { type Alert, firingAlert, resolvedAlert } from './alert.ts';
import type { Reading } from './conditions.ts';
import type { AlertRule } from './rules.ts';

/** What must outlive a worker, of one subject of one rule. Times are ms by Redis's clock. */
export interface EpisodeRecord {
  /** The episode that was announced and is not over: when its condition began to hold, and what was said. */
  readonly open: { readonly since: number; readonly message: string } | null;
  readonly announcedAt: number;
  /** Decided, but Redis may not have it yet. */
  readonly untold: Alert | null;
}

/** One record that changed; null: it is worth nothing any more. */
export interface Change {
  readonly rule: string;
  readonly subject: string;
  readonly record: EpisodeRecord | null;
}

export interface Episodes {
  /**
   * Judges what is known of one rule. A subject with an alert that was not told yet waits: what comes and goes meanwhile
   * is not worth an alert afterwards.
   */
  judge(rule: AlertRule, threshold: number, readings: readonly Reading[], now: number): Change[];
  /** The subject's alert was told. */
  told(rule: string, subject: string): Change[];
  /** Announced and not over. */
  openCount(rule: string): number;
}

/** Nothing was heard of a subject for longer than the longest of weekends. */
const FORGOTTEN_MS = 7 * 86_400_000;

interface Subject {
  /** Since when the condition holds without a break, as far as this worker knows. */
  holdsSince: number | null;
  record: EpisodeRecord | null;
}

/**
 * From readings to alerts: an episode begins when the condition has held for `for_seconds`, is announced once, and is
 * resolved when the condition is over. One that begins within the cool-down of the last announcement is announced at the
 * end of it, if it lasts so long; otherwise nobody hears of it, nor of its end.
 *
 * @param records of the worker that did this before
 */
export function createEpisodes(records: readonly Change[]): Episodes {
  const rules = new Map<string, Map<string, Subject>>();

  function subjectsOf(rule: string): Map<string, Subject> {
    const subjects = rules.get(rule) ?? new Map<string, Subject>();
    rules.set(rule, subjects);
    return subjects;
  }
  for (const { rule, subject, record } of records) {
    subjectsOf(rule).set(subject, { holdsSince: record?.open?.since ?? null, record });
  }

  return {
    judge(rule, threshold, readings, now) {
      const subjects = subjectsOf(rule.name);
      const changes: Change[] = [];
      for (const reading of readings) {
        const { subject } = reading;
        const known = subjects.get(subject) ?? { holdsSince: null, record: null };
        known.holdsSince = reading.firing ? (known.holdsSince ?? now) : null;
        subjects.set(subject, known);
        const record = next({ rule, threshold, reading, now }, known);
        if (record === undefined) continue;
        known.record = record;
        changes.push({ rule: rule.name, subject, record });
      }
      const read = new Set(readings.map(({ subject }) => subject));
      for (const [subject, { holdsSince, record }] of subjects) {
        const isOver = holdsSince === null && (record === null || isSpent(record, rule, now));
        if (!isOver && (read.has(subject) || !isForgotten(record, now))) continue;
        subjects.delete(subject);
        if (record !== null) changes.push({ rule: rule.name, subject, record: null });
      }
      return changes;
    },

    told(rule, subject) {
      const known = rules.get(rule)?.get(subject);
      if (!known?.record) return [];
      known.record = { ...known.record, untold: null };
      return [{ rule, subject, record: known.record }];
    },

    openCount(rule) {
      return [...subjectsOf(rule).values()].filter(({ record }) => record?.open).length;
    },
  };
}

interface Judged {
  rule: AlertRule;
  threshold: number;
  reading: Reading;
  now: number;
}

/** @returns the record after this reading; undefined when it changes nothing */
function next(judged: Judged, { holdsSince, record }: Subject): EpisodeRecord | undefined {
  if (record?.untold) return undefined;
  const { rule, now } = judged;
  if (record?.open) {
    if (holdsSince !== null) return undefined;
    const { since, message } = record.open;
    return { ...record, open: null, untold: resolvedAlert({ ...judged, episode: since }, message) };
  }
  if (holdsSince === null || now - holdsSince < rule.forSeconds * 1000) return undefined;
  if (record !== null && isCooling(record, rule, now)) return undefined;
  const alert = firingAlert({ ...judged, episode: holdsSince });
  return { open: { since: holdsSince, message: alert.data.message }, announcedAt: now, untold: alert };
}

function isCooling({ announcedAt }: EpisodeRecord, { cooldownSeconds }: AlertRule, now: number): boolean {
  return now - announcedAt < cooldownSeconds * 1000;
}

function isSpent(record: EpisodeRecord, rule: AlertRule, now: number): boolean {
  return record.open === null && record.untold === null && !isCooling(record, rule, now);
}

function isForgotten(record: EpisodeRecord | null, now: number): boolean {
  return record !== null && record.untold === null && now - record.announcedAt >= FORGOTTEN_MS;
}
