import type { ServerFrame } from './frames.ts';
import type { Push, Status, TokenExpiring } from './generated/protocol.ts';
import type { TickcastError } from './errors.ts';
import type { LostEvents } from './stream-position.ts';

/** What an application gets of a push: the frame as it is on the wire, and where it stands. */
export type Received<P extends Push> = P & {
  /** The epoch in which `seq` counts; null where it is not known, and on raw events. */
  readonly epoch: string | null;
  /** The text of the frame as it came. Not enumerable. */
  readonly raw: string;
};

/** @param frame belongs to the event from now on */
export function receivedEvent<P extends Push>(frame: P, epoch: string | null, raw: string): Received<P> {
  return Object.defineProperty({ ...frame, epoch }, 'raw', { value: raw }) as Received<P>;
}

/** The same event again, with other fields. */
export function changedEvent<P extends Push>(event: Received<P>, change: Partial<P>): Received<P> {
  return receivedEvent({ ...event, ...change }, event.epoch, event.raw);
}

export type State = 'closed' | 'connecting' | 'live' | 'stale' | 'draining' | 'resuming';

export interface StateChange {
  state: State;
  previous: State;
  /** The final error, where one is why the client is closed. */
  error: TickcastError | null;
}

/** What a client tells, besides the events of its subscriptions. */
export interface ClientEvents {
  state: StateChange;
  /** Events that the application will not get. */
  gap: LostEvents;
  /** Every failure, also those that the client gets over by itself. */
  error: TickcastError;
  /** What the server tells unasked. */
  notice: Status | TokenExpiring;
  /** What nobody else gets: replies to messages of your own, and errors that are no reply. */
  reply: ServerFrame;
}

export type Emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]) => void;

/** Where one stream stands. */
export interface StreamInfo {
  channel: Push['type'];
  key: string | null;
  /** Null where its name is not known: of a stream that is held by a subscription to all alone. */
  epoch: string | null;
  /** Number of the last event that the application has or was told to be lost; null before the first. */
  lastSeq: number | null;
  /** From publishing to arrival, of the last event that was no snapshot, in ms by the server's clock. */
  lagMs: number | null;
  /** Since the last arrival, ms. */
  ageMs: number | null;
}
