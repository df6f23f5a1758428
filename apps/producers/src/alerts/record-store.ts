import { type HeldLease, LeaseLostError } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import type { Change, EpisodeRecord } from './episodes.ts';

/** The records of all episodes, in a hash `<prefix>{alert_rules}`: a field `<rule>:<subject>` each. */
export interface RecordStore {
  /** @throws when Redis does not answer */
  read(): Promise<Change[]>;
  /**
   * Writes all or nothing.
   *
   * @throws LeaseLostError when the lease is not ours: nothing was written. Other errors: it may have been written, and
   * may be written again
   */
  write(changes: readonly Change[]): Promise<void>;
}

// KEYS: the lease, the hash. ARGV: the holder, then field and record of each change; a record '' takes the field out.
// Replies 1, or 0 when the lease has another holder.
const WRITE = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
  end
  for at = 2, #ARGV, 2 do
    if ARGV[at + 1] == '' then
      redis.call('HDEL', KEYS[2], ARGV[at])
    else
      redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
    end
  end
  return 1
`;

/** @param lease without it a worker that was paused would undo what its successor wrote */
export function createRecordStore(bus: Bus, lease: HeldLease): RecordStore {
  const key = `${bus.redisPrefix}{alert_rules}`;
  return {
    async read() {
      return Object.entries(await bus.redis.hgetall(key)).map(([field, text]) => {
        const [rule = '', subject = ''] = field.split(':');
        return { rule, subject, record: JSON.parse(text) as EpisodeRecord };
      });
    },
    async write(changes) {
      const fields = changes.flatMap(({ rule, subject, record }) => [
        `${rule}:${subject}`,
        record === null ? '' : JSON.stringify(record),
      ]);
      const answer = await bus.redis.eval(WRITE, 2, lease.key, key, lease.holder, ...fields);
      if (answer !== 1) throw new LeaseLostError('another worker watches over the alerts');
    },
  };
}
