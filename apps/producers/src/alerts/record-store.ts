import { type HeldLease, LeaseLostError } from '@tickcast/backplane';
import { compileCheck } from '@tickcast/jobs';
import { Type } from 'typebox';
import type { Bus } from '../bus.ts';
import type { Change, EpisodeRecord } from './episodes.ts';

/** The records of all episodes, in a hash `<prefix>{alert_rules}`: a field `<rule>:<subject>` each. */
export interface RecordStore {
  /**
   * A record that can't be read is null, as one that is worth nothing.
   *
   * @throws when Redis does not answer
   */
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

const problemsOf = compileCheck(
  Type.Object({
    open: Type.Union([Type.Null(), Type.Object({ since: Type.Number(), message: Type.String() })]),
    announcedAt: Type.Number(),
    untold: Type.Union([
      Type.Null(),
      Type.Object({
        eventId: Type.String(),
        // Redis checks the rest when it is published.
        data: Type.Object({ rule: Type.String(), state: Type.Enum(['firing', 'resolved']), timestamp: Type.Number() }),
      }),
    ]),
  }),
);

function parseRecord(text: string): EpisodeRecord | null {
  try {
    const record: unknown = JSON.parse(text);
    return problemsOf(record).length === 0 ? (record as EpisodeRecord) : null;
  } catch {
    return null;
  }
}

/** @param lease without it a worker that was paused would undo what its successor wrote */
export function createRecordStore(bus: Bus, lease: HeldLease): RecordStore {
  const key = `${bus.redisPrefix}{alert_rules}`;
  return {
    async read() {
      return Object.entries(await bus.redis.hgetall(key)).flatMap(([field, text]) => {
        const [rule, subject, ...more] = field.split(':');
        if (rule === undefined || subject === undefined || more.length > 0) return [];
        const record = parseRecord(text);
        if (record === null) bus.log.warn({ key, field }, 'the state of an alert can not be read: it begins anew');
        return { rule, subject, record };
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
