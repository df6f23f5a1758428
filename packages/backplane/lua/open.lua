-- tickcast_open: where the numbering of a stream stands, and its last value. An edge calls it after it has subscribed.
--
--   KEYS[1]  name of one stream, or tickcast:{agent_status} | tickcast:{backtest_progress} for all that are alive
--
-- Replies one array a stream: {key or '', epoch, seq, time or '', keep, frame or '', epoch of the frame, seq of the frame}.
--
-- A stream without a numbering of this run of Redis gets its new epoch here already, with seq 0: whoever opens it before its
-- first event then sees no break at that event. Its last value stays, under the numbers that it was published with.

-- A stream that nobody has published to is kept only while it is being opened: clients can name any number of them.
local OPENED_MS = 60000

local function open_stream(stream, clock, boot)
  local state = redis.call('HMGET', stream.state, 'epoch', 'seq', 'boot', 'time', 'keep', 'frame', 'frame_epoch', 'frame_seq')
  local epoch, seq, frame = state[1], tonumber(state[2]), state[6]
  local frame_epoch, frame_seq = state[7] or epoch, tonumber(state[8]) or seq
  if state[3] ~= boot or not seq then
    epoch, seq = new_epoch(stream, epoch, clock, boot), 0
    redis.call('HSET', stream.state, 'epoch', epoch, 'seq', seq, 'boot', boot)
    if frame then
      redis.call('HSET', stream.state, 'frame_epoch', frame_epoch, 'frame_seq', frame_seq)
    end
  end
  if not frame then
    redis.call('PEXPIRE', stream.state, OPENED_MS)
    return { stream.key or '', epoch, seq, '', '0', '', epoch, seq }
  end
  return { stream.key or '', epoch, seq, state[4], state[5], frame, frame_epoch, frame_seq }
end

local function open(keys, args)
  local name = keys[1]
  if #keys ~= 1 or #args ~= 0 then
    return refuse('call it as FCALL tickcast_open 1 STREAM')
  end
  local clock = read_clock()
  local boot = current_boot(clock.ms)
  local stream = parse_stream(name)
  if stream then
    return { open_stream(stream, clock, boot) }
  end
  if not string.find(name, '^[^{}]*:{agent_status}$') and not string.find(name, '^[^{}]*:{backtest_progress}$') then
    return refuse('no stream has the name "' .. string.sub(name, 1, 120) .. '"')
  end
  redis.call('ZREMRANGEBYSCORE', name, '-inf', clock.ms)
  local opened = {}
  for _, key in ipairs(redis.call('ZRANGE', name, 0, -1)) do
    local member = parse_stream(name .. ':' .. key)
    if member and redis.call('EXISTS', member.state) == 1 then
      opened[#opened + 1] = open_stream(member, clock, boot)
    else
      redis.call('ZREM', name, key)
    end
  end
  return opened
end

-- Its few small writes must not fail when Redis is full: reading last values would fail with them.
redis.register_function({ function_name = 'tickcast_open', callback = open, flags = { 'allow-oom' } })

-- tickcast_version: no KEYS, no ARGV; replies the version of the library as an integer.
redis.register_function({
  function_name = 'tickcast_version',
  callback = function()
    return FUNCTION_VERSION
  end,
  flags = { 'no-writes' },
})
