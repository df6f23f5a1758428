import type { StreamId } from '@tickcast/protocol';
import type { Commands } from './connections.ts';
import { BackplaneUnavailableError, explainFailure, PublishRefusedError } from './errors.ts';
import type { HeldLease } from './lease.ts';
import type { Names } from './names.ts';

/** An event to publish. */
export interface NewEvent {
  readonly id: StreamId;
  readonly frame: Buffer | string;
  /** Makes it safe to try again after a failure, for 5 minutes: 1 to 128 bytes. */
  readonly eventId?: string;
}

export interface Publisher {
  /**
   * Publishes one event through the Function.
   *
   * @param eventId makes it safe to try again after a failure, for 5 minutes: 1 to 128 bytes
   * @returns its `seq`
   * @throws PublishRefusedError when the frame is not good, FunctionUnavailableError when the library is missing,
   * BackplaneUnavailableError when Redis is: then it may have been published all the same
   */
  publish(id: StreamId, frame: Buffer | string, eventId?: string): Promise<number>;
  /**
   * Publishes events in their order and in one step, if the lease is held at that moment.
   *
   * @param events at most 64: Redis does nothing else meanwhile
   * @returns for each its `seq`, or why it was refused: the others are published all the same
   * @throws LeaseLostError when the lease is not the holder's: nothing was published. FunctionUnavailableError.
   * BackplaneUnavailableError: they may have been published all the same. RangeError when there are too many
   */
  publishHeld(lease: HeldLease, events: readonly NewEvent[]): Promise<Array<number | PublishRefusedError>>;
  /**
   * Publishes one event outside numbering, as any program could with PUBLISH. Nothing checks it before the edges do.
   *
   * @throws BackplaneUnavailableError
   */
  publishRaw(id: StreamId, frame: Buffer | string): Promise<void>;
}

/** Also in `publish-held.lua`. */
export const MAX_HELD_EVENTS = 64;

/** A publisher over a connection that is not its own. */
export function createPublisher({ redis, names }: { redis: Commands; names: Names }): Publisher {
  return {
    async publish(id, frame, eventId) {
      const args = eventId === undefined ? [frame] : [frame, eventId];
      try {
        return Number(await redis.fcall('tickcast_publish', 1, names.streamKey(id), ...args));
      } catch (error) {
        throw explainFailure(error);
      }
    },
    async publishHeld(lease, events) {
      if (events.length === 0) return [];
      if (events.length > MAX_HELD_EVENTS) {
        throw new RangeError(`at most ${MAX_HELD_EVENTS} events are published in one step, not ${events.length}`);
      }
      const keys = [lease.key, ...events.map(({ id }) => names.streamKey(id))];
      const args = events.flatMap(({ frame, eventId }) => [frame, eventId ?? '']);
      let replies: unknown;
      try {
        replies = await redis.fcall('tickcast_publish_held', keys.length, ...keys, lease.holder, ...args);
      } catch (error) {
        throw explainFailure(error);
      }
      if (!Array.isArray(replies) || replies.length !== events.length) {
        throw new BackplaneUnavailableError('tickcast_publish_held answered no seq for each event');
      }
      return replies.map((reply: unknown) =>
        typeof reply === 'number' ? reply : new PublishRefusedError(String(reply)),
      );
    },
    async publishRaw({ channel, key }, frame) {
      try {
        await redis.publish(names.pubsubChannel(channel, key), frame);
      } catch (error) {
        throw explainFailure(error);
      }
    },
  };
}
