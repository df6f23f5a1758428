-- Renews the seats of one node, oldest first; with no seats it is the node's heartbeat.
--
--   ARGV[6..]  groups of four: id, sub, gen, deficit ms
--
-- Replies {results, count, registry, hold ms, now ms}; results is a text with one letter a seat:
--   o  renewed; a seat that Redis did not know any more was admitted again under its id
--   t  taken: a higher generation has it, or it was ended (released, reserved) under this one
--   f  its lease had ended and there is no room
--
-- A renewal may be older than the release or reserve of the same generation that overtook it: those are final for their
-- generation. A record with a lower generation comes from a Redis that lost writes: the caller knows better.

local registry, hold = attend()

local function renew(id, sub, gen, deficit)
  local seat = read_seat(id)
  if seat and (seat.sub ~= sub or seat.gen > gen or (seat.gen == gen and seat.state ~= 'live')) then
    return 't'
  end
  if not redis.call('ZSCORE', SEATS, id) then
    if seat_count() >= CAP then
      return 'f'
    end
    redis.call('PERSIST', seat_key(id))
  end
  redis.call('ZADD', SEATS, NOW + TTL, id)
  if seat and seat.gen == gen then
    redis.call('HSET', seat_key(id), 'full_at', NOW + deficit)
    return 'o'
  end
  note_gen(gen)
  write_seat(id, sub, gen, 'live', NOW + deficit)
  if seat then
    announce_take_over(id, gen)
  end
  return 'o'
end

local results = {}
for i = 6, #ARGV, 4 do
  results[#results + 1] = renew(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]))
end
return { table.concat(results), seat_count(), registry, hold, NOW }
