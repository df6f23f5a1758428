import { eventually } from '../eventually.ts';
import type { FaultContext } from './fault.ts';
import type { Node } from './world.ts';

const SHOWN_WITHIN_MS = 5000;

/**
 * Does what should bring something about in these nodes, and reports when none of their counters of it has risen 5 s later: then
 * whatever came out right shows nothing.
 *
 * @param counter name in `/metrics`, all labels taken together
 */
export async function expectRise(
  { world, alone }: FaultContext,
  nodes: readonly Node[],
  counter: string,
  action: () => Promise<void>,
): Promise<void> {
  // A node may be stopped by something else, and answers nothing then.
  if (!alone) return action();
  const before = await total(nodes, counter);
  await action();
  const rose = async () => (await total(nodes, counter)) > before;
  await eventually(rose, { withinMs: SHOWN_WITHIN_MS }).catch(() => {
    world.violation('the fault', `did not come about, or the cluster did nothing: ${counter} did not rise`);
  });
}

async function total(nodes: readonly Node[], counter: string): Promise<number> {
  const sums = nodes.map(async ({ edge }) => {
    const { body } = await edge.admin('/metrics').catch(() => ({ body: '' }));
    const values = body.matchAll(new RegExp(`^${counter}(?:\\{.*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  });
  return (await Promise.all(sums)).reduce((sum, each) => sum + each, 0);
}
