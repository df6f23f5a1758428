#!lua flags=no-writes
-- How many seats are taken or reserved, for whoever has none to give. Changes nothing.
--
--   KEYS[1]  P{seats}
--
-- Replies the count. During a hold, leases that ended count as they do for the edges; else they do not, though nobody may
-- have purged them: with no edge left nobody ever would.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local hold_until = tonumber(redis.call('HMGET', KEYS[1] .. ':state', 'hold_until')[1]) or 0
return redis.call('ZCOUNT', KEYS[1], hold_until > now and '-inf' or '(' .. string.format('%.0f', now), '+inf')
