import { setImmediate as turn } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import type { Node, World } from './world.ts';

/** What a fault breaks; two that break the same do not go on at once. */
export type Part = 'redis' | 'node' | 'wire' | 'load';

export interface FaultContext {
  world: World;
  random: () => number;
  /** Whether nothing else is broken meanwhile, so that the contract's times can be asked for. */
  alone: boolean;
}

/** One way to break things: brings it about, lets it last, and mends it. */
export interface Fault {
  name: string;
  about: string;
  part: Part;
  /** Whether Redis may come out of it without some of its data. */
  losesData?: true;
  run(context: FaultContext): Promise<void>;
}

/** What a busy process may be late in seeing what came in time. */
const LATE_MS = 1000;
/** A process that is never later than this by its own clock sees what comes in time in time. */
const HARDLY_LATE_MS = 20;
const REFUSED_WITHIN_MS = 1000;

/** Any one node. */
export function anyNode({ world, random }: FaultContext): Node {
  return world.node(Math.floor(random() * world.nodes.length));
}

/** Reports every node whose clients were not told of its state within the time. */
export async function expectNotice(
  { world, alone }: FaultContext,
  nodes: readonly Node[],
  state: 'degraded' | 'restored',
  since: number,
  withinMs: number,
): Promise<void> {
  const told = ({ index }: Node) =>
    world.notices.some(
      (notice) => notice.at >= since && notice.state === state && world.indexOf(notice.client) === index,
    );
  const waiting = nodes.filter((node) => world.clientsOf(node).some((client) => client.optsIn && client.seated));
  const left = since + withinMs + LATE_MS - performance.now();
  await eventually(() => waiting.every(told), { withinMs: Math.max(0, left) }).catch(() => undefined);
  if (!alone) return;
  for (const node of waiting.filter((each) => !told(each))) {
    world.violation(`node ${node.index}`, `its clients were not told "${state}" within ${withinMs} ms`);
  }
}

/** Reports newcomers of a time without Redis that were not refused within a second. */
export async function expectRefusals({ world, alone }: FaultContext, since: number): Promise<void> {
  if (!alone) return;
  // After a pause of this process answers wait in its sockets, which come after timers.
  await turn();
  const now = performance.now();
  let [asked, strictly] = [0, 0];
  for (const { at, answeredAt, outcome, lateMs } of world.newcomers.knocks) {
    const allowedMs = REFUSED_WITHIN_MS + (lateMs > HARDLY_LATE_MS ? LATE_MS + lateMs : 0);
    if (at < since || now - at < Math.max(allowedMs, REFUSED_WITHIN_MS + LATE_MS)) continue;
    asked += 1;
    if (lateMs <= HARDLY_LATE_MS) strictly += 1;
    const tookMs = Math.round((answeredAt ?? now) - at);
    const what = outcome === null ? 'had no answer' : `was ${outcome}`;
    if (outcome !== 'refused' || tookMs > allowedMs) {
      world.violation('newcomer', `${what} after ${tookMs} ms, ${Math.round(at - since)} ms into an outage of Redis`);
    }
  }
  world.log(`  ${asked} newcomers, ${strictly} of them held to ${REFUSED_WITHIN_MS} ms`);
}
