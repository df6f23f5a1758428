/** The process that publishes, in an open loop: what it could not send in time it sends late, and says so. */
import { openEmitterSink } from './publish/emitter.ts';
import { OpenLoop } from './publish/open-loop.ts';
import { openFunctionSink, openPlainSink } from './publish/redis-sinks.ts';
import { answerCalls } from './rig/calls.ts';
import type { OpenSink, PublishKind } from './types.ts';

export interface StartPublishing {
  redisUrl: string;
  kind: PublishKind;
  /** Events go to them in turn. */
  topics: readonly string[];
  /** Of all topics together; Infinity: as fast as they go. */
  perSecond: number;
  /** Ends by itself after so many; Infinity: when it is stopped. */
  total: number;
  unixOffset: number;
}

/** So far. */
export interface Published {
  /** Given to Redis. */
  sent: number;
  /** Of them answered, and well. */
  confirmed: number;
  /** By how much it was behind at worst since the last mark, ms. */
  latestMs: number;
  /** Monotonic seconds of the first event; 0 before it. */
  firstAt: number;
  /** Whether all of `total` were sent and confirmed. */
  done: boolean;
}

const SINKS: Record<PublishKind, OpenSink> = {
  function: openFunctionSink,
  plain: openPlainSink,
  emitter: openEmitterSink,
};

let loop: OpenLoop | undefined;

function running(): OpenLoop {
  if (!loop) throw new Error('nothing is being published: call start first');
  return loop;
}

const calls = {
  async start(options: StartPublishing): Promise<void> {
    loop = new OpenLoop(await SINKS[options.kind](options.redisUrl), options);
    loop.start();
  },
  mark: (): Published => running().mark(),
  /** Sends no more; answers when Redis has confirmed all. */
  stop: (): Promise<Published> => running().stop(),
};

export type PublisherCalls = typeof calls;

answerCalls(calls);
