-- tickcast_publish_held: publishes events if a lease is held, and else nothing. Since both are one step in Redis, whoever was
-- paused or cut off past its lease, or whose call was carried out late, publishes nothing any more.
--
--   KEYS[1]    name of the lease: any string in Redis whose value is a token of its holder, e.g. tickcast:{lease:market}
--   KEYS[2..]  names of streams, at most 64; the same one may come again
--   ARGV[1]    holder
--   ARGV[2..]  for each stream: frame, event id ('' for none), as for tickcast_publish
--
-- Replies a list, in the order of the streams: the event's seq as an integer, or as text why it was refused. An event that
-- was refused does not keep those after it from being published. Or an error, with nothing changed: `LEASELOST tickcast: ...`
-- when the value of the lease is not the holder, else `ERR tickcast: ...`.

local MAX_HELD_EVENTS = 64

-- One stream that somebody has overwritten with another type must not cost the others their events.
local function publish_or_explain(name, frame, event_id)
  local ran, seq, problem = pcall(publish_event, name, frame, event_id)
  if ran then
    return seq or problem
  end
  return type(seq) == 'table' and seq.err or tostring(seq)
end

local function publish_held(keys, args)
  local count = #keys - 1
  if count < 1 or #args ~= 1 + 2 * count then
    return refuse('call it as FCALL tickcast_publish_held KEYS LEASE STREAM... HOLDER then FRAME EVENT_ID for each STREAM')
  end
  if count > MAX_HELD_EVENTS then
    return refuse('there are ' .. count .. ' events; publish at most ' .. MAX_HELD_EVENTS .. ' at once')
  end
  if redis.call('GET', keys[1]) ~= args[1] then
    return redis.error_reply('LEASELOST tickcast: the lease "' .. string.sub(keys[1], 1, 120) .. '" is not held by this holder')
  end
  local replies = {}
  for i = 1, count do
    local event_id = args[2 * i + 1]
    replies[i] = publish_or_explain(keys[i + 1], args[2 * i], event_id ~= '' and event_id or nil)
  end
  return replies
end

redis.register_function('tickcast_publish_held', publish_held)
