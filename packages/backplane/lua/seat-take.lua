-- Takes a seat: the one that the client brought, else a new one.
--
--   ARGV[6]  sub
--   ARGV[7]  the seat that the client brought, '' for none
--   ARGV[8]  id for a new seat
--   ARGV[9]  not after: ms of Redis's clock, 0 for any time
--
-- Replies {'seated', id, gen, deficit ms, 1 if resumed, count, registry, hold ms, now ms}
--      or {'full' | 'hold' | 'late', count, registry, hold ms, now ms}.
-- Publishes '<id> <gen> <node>' on P{seats} when an existing seat was taken over.
--
-- A lease that was not purged is not ended: during a hold a client may come back to it late. A seat of another sub is
-- ignored like an unknown one. A seat that was live lost its node, or its client left it: nobody knows its bucket, so it
-- starts from empty.
--
-- A call that was held up on its way is late: nobody waits for its answer, and its client may have its seat through another
-- node by now, from which this would take it.

local sub, brought, new_id = ARGV[6], ARGV[7], ARGV[8]
local not_after = tonumber(ARGV[9])
local registry, hold = attend()
if not_after > 0 and NOW > not_after then
  return { 'late', seat_count(), registry, hold, NOW }
end

local seat = brought ~= '' and read_seat(brought)
if seat and seat.sub == sub and redis.call('ZSCORE', SEATS, brought) then
  local deficit = seat.state == 'live' and BUCKET or deficit_until(seat.full_at)
  local gen = next_gen(seat.gen)
  write_seat(brought, sub, gen, 'live', NOW + deficit)
  redis.call('ZADD', SEATS, NOW + TTL, brought)
  redis.call('ZREM', bucket_key(sub), brought)
  announce_take_over(brought, gen)
  return { 'seated', brought, gen, deficit, 1, seat_count(), registry, hold, NOW }
end

if hold > 0 then
  return { 'hold', seat_count(), registry, hold, NOW }
end
if seat_count() >= CAP then
  return { 'full', seat_count(), registry, hold, NOW }
end

local deficit = 0
local left = redis.call('ZREVRANGE', bucket_key(sub), 0, 0, 'WITHSCORES')
if left[1] then
  redis.call('ZREM', bucket_key(sub), left[1])
  deficit = deficit_until(tonumber(left[2]))
end
write_seat(new_id, sub, 1, 'live', NOW + deficit)
redis.call('ZADD', SEATS, NOW + TTL, new_id)
return { 'seated', new_id, 1, deficit, 0, seat_count(), registry, hold, NOW }
