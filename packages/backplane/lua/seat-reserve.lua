-- Leaves a seat to its client until the lease ends: the connection broke, or its node drains.
--
--   ARGV[6]   id
--   ARGV[7]   sub
--   ARGV[8]   gen
--   ARGV[9]   deficit ms
--   ARGV[10]  lease from now, ms; '' to leave its end where it is
--
-- Replies {1 if reserved, count, registry, hold ms, now ms}; 0 when a higher generation has the seat, or it was released.
-- With a new lease, a seat that Redis lost is admitted again where there is room: a drain must not cost its clients their
-- places because it came right after an outage.

local id, sub, gen, full_at = ARGV[6], ARGV[7], tonumber(ARGV[8]), NOW + tonumber(ARGV[9])
local lease = tonumber(ARGV[10])
local registry, hold = attend()

local seat = read_seat(id)
if seat and (seat.sub ~= sub or seat.gen > gen or (seat.gen == gen and seat.state == 'free')) then
  return { 0, seat_count(), registry, hold, NOW }
end
local leased = redis.call('ZSCORE', SEATS, id)
if lease and (leased or seat_count() < CAP) then
  redis.call('ZADD', SEATS, NOW + lease, id)
  leased = true
end
note_gen(gen)
write_seat(id, sub, gen, 'reserved', full_at)
if leased then
  redis.call('PERSIST', seat_key(id))
else
  redis.call('PEXPIRE', seat_key(id), RECORD)
end
leave_bucket(sub, id, full_at)
return { leased and 1 or 0, seat_count(), registry, hold, NOW }
