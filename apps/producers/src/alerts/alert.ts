import { createHash } from 'node:crypto';
import type { PublishedAlerts } from '@tickcast/protocol';
import type { Reading } from './conditions.ts';
import type { AlertRule } from './rules.ts';

export type AlertState = 'firing' | 'resolved';

/** The `data` of an alert: the protocol's four fields, and what a program needs to tell alerts apart. */
export type AlertData = PublishedAlerts['data'] & {
  rule: string;
  subject: string;
  state: AlertState;
  value: number | null;
  threshold: number;
};

/** An alert that was decided on; whoever publishes it, it is published with this id. */
export interface Alert {
  eventId: string;
  data: AlertData;
}

interface Occasion {
  rule: AlertRule;
  threshold: number;
  reading: Reading;
  /** When the condition began to hold: it names the episode. ms by Redis's clock, like `now`. */
  episode: number;
  now: number;
}

export function firingAlert(occasion: Occasion): Alert {
  const { rule, reading, threshold } = occasion;
  const message = rule.message === null ? reading.text : fill(rule.message, { ...reading, threshold });
  return alert(occasion, { state: 'firing', level: rule.level, message });
}

/** @param announced what was said when it fired */
export function resolvedAlert(occasion: Occasion, announced: string): Alert {
  const message = occasion.reading.lastWords ?? `已恢复：${announced}`;
  return alert(occasion, { state: 'resolved', level: 'info', message });
}

function alert(
  { rule, threshold, reading: { subject, value }, episode, now }: Occasion,
  { state, level, message }: { state: AlertState; level: string; message: string },
): Alert {
  const timestamp = Math.round(now) / 1000;
  const { name, source } = rule;
  return {
    eventId: eventIdOf(`${name}:${subject}:${Math.round(episode)}:${state}`),
    data: { level, message, timestamp, source, rule: name, subject, state, value, threshold },
  };
}

/** The Function takes up to 128 bytes. */
function eventIdOf(text: string): string {
  return Buffer.byteLength(text) <= 128 ? text : createHash('sha256').update(text).digest('hex');
}

function fill(template: string, values: { value: number | null; threshold: number; subject: string }): string {
  return template.replaceAll(/\{(value|threshold|subject)\}/g, (_, name: keyof typeof values) => String(values[name]));
}
