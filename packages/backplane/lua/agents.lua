-- The register of agents: who promised to come again, and when. It tells an agent that died from one that has nothing new
-- to say. A ZSET `<prefix>{agent_status}/leases` of agent ids by the end of their time, in ms of Redis's clock; '/' is in no
-- key of a stream, so the name is nobody else's.

local MAX_AGENT_SECONDS = 86400
local LAPSED_A_CALL = 100

local function leases_of(index)
  return index .. '/leases'
end

-- tickcast_agent_lease: registers an agent, renews its time, or takes it out.
--
--   KEYS[1]  name of its stream, e.g. tickcast:{agent_status}:my-agent
--   ARGV[1]  seconds, 1 to 86400, within which it comes again; 0 takes it out, and nobody will miss it
--   ARGV[2]  optional, with 0 only: the end of its time in ms, as tickcast_agents_lapsed told it; if it has another one by
--            now, it came back, and stays
--
-- Replies the status that was last published for the agent, '' when there is none; or an error `ERR tickcast: ...` with
-- nothing changed.

local function agent_lease(keys, args)
  if #keys ~= 1 or #args < 1 or #args > 2 then
    return refuse('call it as FCALL tickcast_agent_lease 1 STREAM SECONDS')
  end
  local stream = parse_stream(keys[1])
  if not stream or stream.channel ~= 'agent_status' then
    return refuse('"' .. string.sub(keys[1], 1, 120) .. '" is no agent; name it like tickcast:{agent_status}:my-agent')
  end
  if not is_whole(args[1], 5) or tonumber(args[1]) > MAX_AGENT_SECONDS then
    return refuse('the seconds must be a whole number from 1 to ' .. MAX_AGENT_SECONDS .. ', or 0 to leave')
  end
  local seconds, expiry = tonumber(args[1]), args[2]
  if expiry and (seconds ~= 0 or not is_whole(expiry, 16)) then
    return refuse('an end of time in ms goes with 0 seconds only, as tickcast_agents_lapsed told it')
  end
  local leases = leases_of(stream.index)
  -- One that somebody has overwritten with another type can still leave, and be missed.
  local status = redis.pcall('HMGET', stream.state, 'status')[1]
  if seconds > 0 then
    local now_ms = read_clock().ms
    redis.call('ZADD', leases, now_ms + seconds * 1000, stream.key)
    -- Where nobody asks who is missing: after a day the last value of an agent has expired too.
    redis.call('ZREMRANGEBYSCORE', leases, '-inf', now_ms - DAY_MS)
  elseif not expiry or tonumber(redis.call('ZSCORE', leases, stream.key)) == tonumber(expiry) then
    redis.call('ZREM', leases, stream.key)
  end
  return status or ''
end

-- tickcast_agents_lapsed: the agents whose time is over, and who were not taken out.
--
--   KEYS[1]  tickcast:{agent_status}
--
-- Replies at most 100, the one that is over longest first: {agent id, end of its time in ms, the status last published or
-- '', its last frame or ''}. Changes nothing.

local function agents_lapsed(keys, args)
  if #keys ~= 1 or #args ~= 0 then
    return refuse('call it as FCALL_RO tickcast_agents_lapsed 1 LIST')
  end
  local index = keys[1]
  if not string.find(index, '^[^{}]*:{agent_status}$') then
    return refuse('"' .. string.sub(index, 1, 120) .. '" is no list of agents; name it like tickcast:{agent_status}')
  end
  local now_ms = read_clock().ms
  local lapsed = redis.call('ZRANGEBYSCORE', leases_of(index), '-inf', now_ms, 'WITHSCORES', 'LIMIT', 0, LAPSED_A_CALL)
  local replies = {}
  for i = 1, #lapsed, 2 do
    local id, expiry = lapsed[i], tonumber(lapsed[i + 1])
    -- One that somebody has overwritten with another type must not keep the others from being missed.
    local state = redis.pcall('HMGET', index .. ':' .. id, 'status', 'frame')
    replies[#replies + 1] = { id, expiry, state[1] or '', state[2] or '' }
  end
  return replies
end

redis.register_function({ function_name = 'tickcast_agent_lease', callback = agent_lease, flags = { 'allow-oom' } })
redis.register_function({ function_name = 'tickcast_agents_lapsed', callback = agents_lapsed, flags = { 'no-writes' } })
