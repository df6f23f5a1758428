import type { StreamId } from '@tickcast/protocol';
import type { Commands } from './connections.ts';
import { explainFailure } from './errors.ts';
import type { Names } from './names.ts';

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
   * Publishes one event outside numbering, as any program could with PUBLISH. Nothing checks it before the edges do.
   *
   * @throws BackplaneUnavailableError
   */
  publishRaw(id: StreamId, frame: Buffer | string): Promise<void>;
}

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
    async publishRaw({ channel, key }, frame) {
      try {
        await redis.publish(names.pubsubChannel(channel, key), frame);
      } catch (error) {
        throw explainFailure(error);
      }
    },
  };
}
