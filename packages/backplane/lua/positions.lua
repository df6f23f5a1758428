-- tickcast_positions: where the numbering of many streams stands, without their values. An edge compares it with what it
-- has delivered: of an event that was lost on the way to it, and that no other followed, nothing else would tell.
--
--   KEYS  names of streams, or tickcast:{agent_status} | tickcast:{backtest_progress}, in any mixture
--
-- Replies one array a name, of {key or '', epoch, seq}: for a stream one such, none when it has no state; for a list one for
-- each of its streams with an event within the last minute. Changes nothing: who has no numbering of this run of Redis is
-- answered with the old one.

local RECENT_MS = 60000

-- A key that somebody has overwritten with another type must not keep the other streams from being compared: hence pcall.
local function add_position(positions, key, state, since_s)
  local fields = redis.pcall('HMGET', state, 'epoch', 'seq', 'time')
  local epoch, seq = fields[1], tonumber(fields[2])
  if epoch and seq and (not since_s or (tonumber(fields[3]) or 0) >= since_s) then
    positions[#positions + 1] = { key, epoch, seq }
  end
end

-- A list tells when its streams expire: a day after their last event, or a week after a terminal one. In the first range
-- there are also terminal ones of six days ago.
local function recent_positions(name, now_ms)
  local positions = {}
  for _, life in ipairs({ DAY_MS, TERMINAL_MS }) do
    local expiry = now_ms + life
    for _, key in ipairs(redis.pcall('ZRANGEBYSCORE', name, expiry - RECENT_MS, expiry)) do
      add_position(positions, key, name .. ':' .. key, (now_ms - RECENT_MS) / 1000)
    end
  end
  return positions
end

local function positions_of(keys, args)
  if #keys == 0 or #args ~= 0 then
    return refuse('call it as FCALL_RO tickcast_positions COUNT STREAM...')
  end
  local now_ms = read_clock().ms
  local replies = {}
  for i, name in ipairs(keys) do
    local stream = parse_stream(name)
    if stream then
      replies[i] = {}
      add_position(replies[i], stream.key or '', stream.state)
    elseif is_index(name) then
      replies[i] = recent_positions(name, now_ms)
    else
      return refuse('no stream has the name "' .. string.sub(name, 1, 120) .. '"')
    end
  end
  return replies
end

redis.register_function({ function_name = 'tickcast_positions', callback = positions_of, flags = { 'no-writes' } })
