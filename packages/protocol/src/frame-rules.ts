import type { TSchema } from 'typebox';
import { type Channel, type KeyField, keyField } from './channels.ts';
import { PUBLISHED_SCHEMAS } from './schemas/push.ts';

/** What one field of `data` must be. Bounds are on the length of a text, in characters (Unicode code points). */
export type FieldRule =
  { readonly type: 'number' } | { readonly type: 'string'; readonly min?: number; readonly max?: number };

/** What a published frame of one channel must have besides `type`. */
export interface FrameRule {
  readonly keyField: KeyField | null;
  readonly required: Readonly<Record<string, FieldRule>>;
  readonly optional: Readonly<Record<string, FieldRule>>;
}

interface TextSchema extends TSchema {
  readonly minLength?: number;
  readonly maxLength?: number;
}

function fieldRule(schema: TextSchema & { readonly type: string }): FieldRule {
  if (schema.type !== 'string') return { type: 'number' };
  return {
    type: 'string',
    ...(schema.minLength === undefined ? {} : { min: schema.minLength }),
    ...(schema.maxLength === undefined ? {} : { max: schema.maxLength }),
  };
}

function frameRule(channel: Channel): FrameRule {
  const { properties, required } = PUBLISHED_SCHEMAS[channel].properties.data;
  const needed: ReadonlySet<string> = new Set(required);
  const fields = Object.entries(properties).map(([name, schema]) => [name, fieldRule(schema)] as const);
  return {
    keyField: keyField(channel),
    required: Object.fromEntries(fields.filter(([name]) => needed.has(name))),
    optional: Object.fromEntries(fields.filter(([name]) => !needed.has(name))),
  };
}

/** The rules of every channel's frames, read off the schemas, for checks written in other languages. */
export const FRAME_RULES: Readonly<Record<Channel, FrameRule>> = {
  market_data: frameRule('market_data'),
  agent_status: frameRule('agent_status'),
  backtest_progress: frameRule('backtest_progress'),
  alerts: frameRule('alerts'),
};
