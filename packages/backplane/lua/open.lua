-- tickcast_open: where the numbering of a stream stands, and its last value. An edge calls it after it has subscribed.
--
--   KEYS[1]  name of one stream, or tickcast:{agent_status} | tickcast:{backtest_progress} for all that are alive
--   ARGV[1]  with a list of streams, optional: where the page begins, '' for the first
--   ARGV[2]  and how many streams to read: a page ends with all that expire in the same millisecond, so it may have more
--
-- Replies one array a stream: {key or '', epoch, seq, time or '', keep, frame or '', epoch of the frame, seq of the frame,
-- stands from (see note_kept)}; with ARGV {where the next page begins, '' after the last; those arrays}. A stream that is
-- published to between two pages may be in both or in neither.
--
-- A stream without a numbering of this run of Redis gets its new epoch here already, with seq 0: whoever opens it before its
-- first event then sees no break at that event. Its last value stays, under the numbers that it was published with.

-- A stream that nobody has published to is kept only while it is being opened: clients can name any number of them.
local OPENED_MS = 60000

-- Alerts are never merged, the last quote says all that the others said; of agents and backtests without a note, which were
-- published by version 1, nothing is known.
local function stands_from(stream, frame_seq, noted)
  if stream.channel == 'market_data' then
    return 0
  end
  return stream.channel ~= 'alerts' and tonumber(noted) or frame_seq - 1
end

-- Of those listed, one that somebody has overwritten with another type must not keep the others from being opened.
local function open_stream(stream, clock, boot, is_listed)
  local read = is_listed and redis.pcall or redis.call
  local state = read(
    'HMGET', stream.state, 'epoch', 'seq', 'boot', 'time', 'keep', 'frame', 'frame_epoch', 'frame_seq', 'stands_from'
  )
  local epoch, seq, frame = state[1], tonumber(state[2]), state[6]
  local frame_epoch, frame_seq = state[7] or epoch, tonumber(state[8]) or seq
  if is_listed and not epoch then
    return nil
  end
  if state[3] ~= boot or not seq then
    epoch, seq = new_epoch(stream, epoch, clock, boot), 0
    redis.call('HSET', stream.state, 'epoch', epoch, 'seq', seq, 'boot', boot)
    if frame then
      redis.call('HSET', stream.state, 'frame_epoch', frame_epoch, 'frame_seq', frame_seq)
    end
  end
  local key = stream.key or ''
  if not frame then
    redis.call('PEXPIRE', stream.state, OPENED_MS)
    return { key, epoch, seq, '', '0', '', epoch, seq, seq }
  end
  return { key, epoch, seq, state[4], state[5], frame, frame_epoch, frame_seq, stands_from(stream, frame_seq, state[9]) }
end

local function open_listed(name, from, upto, clock, boot)
  local opened, channel = {}, string.match(name, '{(.+)}$')
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', name, from, upto)) do
    local member = { channel = channel, key = key, state = name .. ':' .. key }
    local stream = open_stream(member, clock, boot, true)
    if stream then
      opened[#opened + 1] = stream
    else
      redis.call('ZREM', name, key)
    end
  end
  return opened
end

-- By time of expiry, not by rank: whoever is published to moves, and the ranks of the others with it.
local function open_page(name, cursor, limit, clock, boot)
  local from = cursor == '' and '-inf' or '(' .. cursor
  local last = redis.call('ZRANGEBYSCORE', name, from, '+inf', 'WITHSCORES', 'LIMIT', limit - 1, 1)[2]
  return { last or '', open_listed(name, from, last or '+inf', clock, boot) }
end

local function open(keys, args)
  local name, cursor, limit = keys[1], args[1], tonumber(args[2])
  local paged = #args == 2
  if #keys ~= 1 or not (#args == 0 or paged) then
    return refuse('call it as FCALL tickcast_open 1 STREAM, or FCALL tickcast_open 1 LIST CURSOR LIMIT')
  end
  local clock = read_clock()
  local boot = current_boot(clock.ms)
  local stream = not paged and parse_stream(name)
  if stream then
    return { open_stream(stream, clock, boot) }
  end
  if not is_index(name) then
    return refuse('no ' .. (paged and 'list of streams' or 'stream') .. ' has the name "' .. string.sub(name, 1, 120) .. '"')
  end
  redis.call('ZREMRANGEBYSCORE', name, '-inf', clock.ms)
  if not paged then
    return open_listed(name, '-inf', '+inf', clock, boot)
  end
  if not string.find(cursor, '^%d*$') or not limit or limit < 1 or limit % 1 ~= 0 then
    return refuse('a page begins at the cursor that was answered, or at "", and has 1 stream or more')
  end
  return open_page(name, cursor, limit, clock, boot)
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
