-- tickcast_replay: reads a page of the log of alerts.
--
--   KEYS[1]  tickcast:{alerts}
--   ARGV[1]  epoch
--   ARGV[2]  seq: the page begins at this event, not behind it, so that the reader sees whether the log still holds it
--   ARGV[3]  bytes of frames that a page may have; the first entry is answered whatever its size
--
-- Replies {1 if there is more, else 0; one array an entry, oldest first: {epoch, seq, time, frame}}. Later epochs follow the
-- one asked for. Nothing older than 24 h is answered: the log itself is trimmed only when something is published.

local function is_whole(text, digits)
  return #text <= digits and string.find(text, '^%d+$') ~= nil
end

local function read_page(log, from, max_bytes)
  local horizon = (read_clock().ms - DAY_MS) / 1000
  local entries, bytes = {}, 0
  while true do
    local step = redis.call('XRANGE', log, from, '+', 'COUNT', LOG_PAGE)
    for _, entry in ipairs(step) do
      local id, epoch, time, frame = entry[1], entry[2][2], entry[2][4], entry[2][6]
      if tonumber(time) >= horizon then
        if #entries > 0 and bytes + #frame > max_bytes then
          return { 1, entries }
        end
        bytes = bytes + #frame
        entries[#entries + 1] = { epoch, tonumber(string.match(id, '%d+$')), time, frame }
      end
    end
    if #step < LOG_PAGE then
      return { 0, entries }
    end
    from = '(' .. step[#step][1]
  end
end

local function replay(keys, args)
  if #keys ~= 1 or #args ~= 3 then
    return refuse('call it as FCALL_RO tickcast_replay 1 STREAM EPOCH SEQ BYTES')
  end
  local stream = parse_stream(keys[1])
  if not stream or not stream.log then
    return refuse('"' .. string.sub(keys[1], 1, 120) .. '" has no log; only alerts have one')
  end
  local number = string.match(args[1], '^(%d+)%-%x%x%x%x%x%x$')
  if not number or not is_whole(number, 17) then
    return refuse('the epoch must be one that was answered or published, e.g. 1701234567891234-9f2c1a')
  end
  if not is_whole(args[2], 16) then
    return refuse('the seq must be a whole number from 0')
  end
  if not is_whole(args[3], 16) then
    return refuse('the bytes of a page must be a whole number')
  end
  return read_page(stream.log, number .. '-' .. args[2], tonumber(args[3]))
end

redis.register_function({ function_name = 'tickcast_replay', callback = replay, flags = { 'no-writes' } })
