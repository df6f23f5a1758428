-- tickcast_lease: takes, renews or gives up a lease, by which one process at a time does what only one may do.
--
--   KEYS[1]  name of the lease, e.g. tickcast:{lease:market}
--   ARGV[1]  holder: 1 to 128 bytes that nobody else calls with
--   ARGV[2]  how long it lasts from now, in ms, at most a day; 0 gives it up
--   ARGV[3]  optional, `renew`: leaves it alone unless it is still the holder's
--
-- Replies 1 when it is the holder's now, or with 0 ms was until now; 0 when it is somebody else's, or with 0 ms nobody's.
-- The lease is a string, the holder, that expires by Redis's clock. Whoever was paused past its end may not have noticed:
-- what must not be done by two is done through tickcast_publish_held. And whoever holds it renews: when a hung Redis carries
-- out what waited in the socket, a lease taken anew in the middle of it would let all that was sent behind it pass.

local function lease(keys, args)
  if #keys ~= 1 or #args < 2 or #args > 3 or (args[3] and args[3] ~= 'renew') then
    return refuse('call it as FCALL tickcast_lease 1 LEASE HOLDER MS [renew]')
  end
  local key, holder, ms, renews = keys[1], args[1], args[2], args[3]
  local name = string.match(key, '^[^{}]*:{lease:([%w._-]+)}$')
  if not name or #name > 64 then
    return refuse('"' .. string.sub(key, 1, 120) .. '" is no lease; name it like tickcast:{lease:my-service}')
  end
  if #holder < 1 or #holder > 128 then
    return refuse('the holder has ' .. #holder .. ' bytes; give it 1 to 128')
  end
  if not is_whole(ms, 8) or tonumber(ms) > DAY_MS then
    return refuse('the ms must be a whole number from 0 to ' .. DAY_MS)
  end
  local current = redis.call('GET', key)
  if tonumber(ms) == 0 then
    return current == holder and redis.call('DEL', key) or 0
  elseif current ~= holder and (current or renews) then
    return 0
  end
  redis.call('SET', key, holder, 'PX', tonumber(ms))
  return 1
end

-- When Redis is full, quotes stop; who leads must not change over it.
redis.register_function({ function_name = 'tickcast_lease', callback = lease, flags = { 'allow-oom' } })
