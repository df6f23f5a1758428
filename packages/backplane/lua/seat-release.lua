-- Frees a seat at once: its client left, or was sent away.
--
--   ARGV[6]  id
--   ARGV[7]  sub
--   ARGV[8]  gen
--   ARGV[9]  deficit ms
--
-- Replies {1 if released, count, registry, hold ms, now ms}; 0 when a higher generation has the seat, which then stays as it is.
-- Doing it again changes nothing. A seat that Redis does not know leaves a record all the same: a renewal of it may be on
-- its way.

local id, sub, gen, full_at = ARGV[6], ARGV[7], tonumber(ARGV[8]), NOW + tonumber(ARGV[9])
local registry, hold = attend()

local seat = read_seat(id)
if seat and (seat.sub ~= sub or seat.gen > gen) then
  return { 0, seat_count(), registry, hold, NOW }
end
if not (seat and seat.gen == gen and seat.state == 'free') then
  redis.call('ZREM', SEATS, id)
  write_seat(id, sub, gen, 'free', full_at)
  redis.call('PEXPIRE', seat_key(id), RECORD)
  leave_bucket(sub, id, full_at)
end
return { 1, seat_count(), registry, hold, NOW }
