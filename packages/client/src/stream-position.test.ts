import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Channel, Gap, Push } from './generated/protocol.ts';
import { type Outcome, type Since, StreamPosition } from './stream-position.ts';

type Step = { expect: object[] } & (
  | { subscribed: { epoch: string | null; seq: number; recovered: boolean }; asked: Since | null }
  | { push: Partial<Push> }
  | { gap: Omit<Gap, 'type' | 'channel' | 'key'> }
  | { disconnected: true }
);

interface Case {
  name: string;
  channel: Channel;
  named: boolean;
  since?: Since;
  steps: Step[];
  then_since: Since | null;
}

const cases = JSON.parse(
  readFileSync(new URL('../../protocol/conformance/clients/positions.json', import.meta.url), 'utf8'),
) as Case[];

test.each(cases)('$channel: $name', ({ channel, named, since, steps, then_since }) => {
  const position = new StreamPosition(channel, null, { named, since });
  const met = steps.map((step) => take(position, channel, step).map(described));
  expect(met).toEqual(steps.map((step) => step.expect));
  expect(position.since).toEqual(then_since);
});

function take(position: StreamPosition, channel: Channel, step: Step): Outcome[] {
  if ('subscribed' in step) return position.subscribed(step.subscribed, step.asked);
  if ('push' in step) return position.push({ type: channel, ...step.push } as Push);
  if ('gap' in step) return position.gap({ type: 'gap', channel, key: null, ...step.gap });
  position.disconnected();
  return [];
}

/** As it stands in the cases. */
function described(outcome: Outcome): object {
  if (outcome.type === 'ask') return { ask: outcome.since, after_ms: outcome.afterMs };
  if (outcome.type === 'gap') {
    const { epoch, from, to, declared, lost } = outcome.gap;
    return { gap: { epoch, from, to, declared, lost } };
  }
  const { seq = null, conflated, snapshot } = outcome.frame;
  return { deliver: seq, epoch: outcome.epoch, ...(conflated && { conflated }), ...(snapshot && { snapshot }) };
}
