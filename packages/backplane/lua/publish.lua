-- tickcast_publish: checks, numbers, keeps, logs and publishes one event, all or nothing.
--
--   KEYS[1]  name of the stream, e.g. tickcast:{market_data:0700.HK}
--   ARGV[1]  frame: a JSON object in UTF-8
--   ARGV[2]  event id, optional, 1 to 128 bytes: the same id on the same stream within 5 minutes publishes nothing again
--
-- Replies the event's seq as an integer, that of the first time for a repeated event id; or an error `ERR tickcast: ...`
-- with nothing changed.
--
-- State of a stream, a hash: epoch, seq, boot (numbering); frame, time, keep (last value); status (of agents, backtests);
-- log_bytes (alerts); frame_epoch, frame_seq (numbers of the last value when it is of an earlier epoch, see open.lua);
-- kept, stands_from (of agents, backtests: numbers in the epoch of the last value, see note_kept).

local EVENT_ID_MS = 300000
local TERMINAL_MS = 7 * DAY_MS

local function refuse(problem)
  return redis.error_reply('ERR tickcast: ' .. problem)
end

-- What an edge gets over Pub/Sub. '*' is in no key, so it can stand for a stream that has none.
local function envelope(stream, seq, epoch, time, keep, frame)
  return table.concat({ 'T1', seq, epoch, time, keep, stream.key or '*' }, ' ') .. '\n' .. frame
end

-- '1' when no later event may take the place of this one.
local function must_be_kept(stream, seq, status, old_status)
  if stream.channel == 'alerts' then
    return '1'
  elseif stream.channel == 'agent_status' then
    return (seq == 1 or status ~= old_status) and '1' or '0'
  elseif stream.channel == 'backtest_progress' then
    return TERMINAL[status] and '1' or '0'
  end
  return '0'
end

-- Which events the last value stands for: it says all that those after stands_from said, so nothing is lost when they are
-- merged into it. An agent's last value shows the latest change of status, and so stands for everything after the change
-- before that one. A backtest's shows no terminal status but its own, and so stands for everything after the last earlier
-- terminal event. `kept` is the latest event that must be kept.
local function note_kept(stream, seq, keep, kept, stands_from)
  -- Nothing is known of what version 1 published: as if its last event had to be kept.
  local before = seq > 1 and kept or seq - 1
  if stream.channel ~= 'agent_status' or keep == '1' or not kept then
    stands_from = before
  end
  redis.call('HSET', stream.state, 'kept', keep == '1' and seq or before, 'stands_from', stands_from)
end

-- How long the stream outlives this event. Only streams with an index end: symbols and alerts keep their last value.
local function keep_listed(stream, status, clock)
  local life = stream.channel == 'backtest_progress' and TERMINAL[status] and TERMINAL_MS or DAY_MS
  redis.call('ZREMRANGEBYSCORE', stream.index, '-inf', clock.ms)
  redis.call('ZADD', stream.index, clock.ms + life, stream.key)
  redis.call('PEXPIRE', stream.state, life)
end

-- Publishes one event, all or nothing. Answers its seq, or nil and a problem as text.
local function publish_event(name, frame, event_id)
  local stream = parse_stream(name)
  if not stream then
    return nil, 'no stream has the name "' .. string.sub(name, 1, 120) .. '"; a symbol must be in normal form, e.g. 0700.HK'
  end
  if event_id and (#event_id < 1 or #event_id > 128) then
    return nil, 'the event id has ' .. #event_id .. ' bytes; give it 1 to 128, or leave it out'
  end
  local problem, data = check_frame(stream, frame)
  if problem then
    return nil, problem
  end

  local id_key = event_id and name .. ':id:' .. event_id
  local known = id_key and redis.call('GET', id_key)
  if known then
    return tonumber(known)
  end

  local clock = read_clock()
  local boot = current_boot(clock.ms)
  local state = redis.call('HMGET', name, 'epoch', 'seq', 'boot', 'status', 'log_bytes', 'kept', 'stands_from')
  local epoch, seq = state[1], tonumber(state[2])
  if state[3] ~= boot or not seq then
    epoch, seq = new_epoch(stream, epoch, clock, boot), 0
  end
  seq = seq + 1
  local status = type(data.status) == 'string' and data.status or ''
  local keep = must_be_kept(stream, seq, status, state[4])

  if stream.log then
    local bytes = append_to_log(stream.log, tonumber(state[5]), epoch, seq, frame, clock)
    redis.call('HSET', name, 'log_bytes', bytes)
  end
  redis.call('HSET', name, 'seq', seq, 'time', clock.text, 'keep', keep, 'status', status, 'frame', frame)
  if seq == 1 then
    redis.call('HSET', name, 'epoch', epoch, 'boot', boot)
    redis.call('HDEL', name, 'frame_epoch', 'frame_seq')
    redis.call('PERSIST', name)
  end
  if stream.index then
    note_kept(stream, seq, keep, state[6], state[7])
    keep_listed(stream, status, clock)
  end
  if id_key then
    redis.call('SET', id_key, seq, 'PX', EVENT_ID_MS)
  end
  redis.call('PUBLISH', stream.pubsub, envelope(stream, seq, epoch, clock.text, keep, frame))
  return seq
end

local function publish(keys, args)
  if #keys ~= 1 or #args < 1 or #args > 2 then
    return refuse('call it as FCALL tickcast_publish 1 STREAM FRAME [EVENT_ID]')
  end
  local seq, problem = publish_event(keys[1], args[1], args[2])
  return seq or refuse(problem)
end

redis.register_function('tickcast_publish', publish)
