-- The log that alerts are replayed from: a Redis stream, one entry an event, id `<number of the epoch>-<seq>`, fields
-- e (epoch), t (published_at), f (the publisher's bytes). Bounded by age, count and bytes, whichever is met first.

local LOG_EVENTS = 10000
local LOG_BYTES = 16777216
local LOG_PAGE = 16

local function entry_bytes(entry)
  return #entry[2][6]
end

-- The state, which holds the count of bytes, can be lost (DEL, eviction) while the log is still there.
local function count_bytes(log)
  local bytes, from = 0, '-'
  while true do
    local page = redis.call('XRANGE', log, from, '+', 'COUNT', LOG_PAGE)
    for _, entry in ipairs(page) do
      bytes = bytes + entry_bytes(entry)
    end
    if #page < LOG_PAGE then
      return bytes
    end
    from = '(' .. page[#page][1]
  end
end

-- Answers the id of the oldest entry to keep, nil when all may stay, and the bytes of those kept. Age is read from the
-- entries: their ids carry the time of the epoch, not of the event.
local function oldest_to_keep(log, length, bytes, clock)
  local horizon = clock.ms / 1000 - DAY_MS / 1000
  local from, trimmed = '-', false
  while true do
    local page = redis.call('XRANGE', log, from, '+', 'COUNT', from == '-' and 1 or LOG_PAGE)
    for _, entry in ipairs(page) do
      if length <= LOG_EVENTS and bytes <= LOG_BYTES and tonumber(entry[2][4]) >= horizon then
        return trimmed and entry[1] or nil, bytes
      end
      length, bytes, trimmed = length - 1, bytes - entry_bytes(entry), true
    end
    if #page == 0 then
      return nil, bytes
    end
    from = '(' .. page[#page][1]
  end
end

-- Appends one event, trims the rest to the bounds, and answers the bytes that the log now holds.
local function append_to_log(log, bytes_before, epoch, seq, frame, clock)
  local id = string.match(epoch, '^%d+') .. '-' .. seq
  redis.call('XADD', log, id, 'e', epoch, 't', clock.text, 'f', frame)
  -- A log quiet for a day has nothing left in its bounds.
  redis.call('PEXPIRE', log, DAY_MS)
  local length = redis.call('XLEN', log)
  local bytes = #frame
  if length > 1 then
    bytes = bytes_before and bytes_before + #frame or count_bytes(log)
  end
  local keep_from
  keep_from, bytes = oldest_to_keep(log, length, bytes, clock)
  if keep_from then
    redis.call('XTRIM', log, 'MINID', '=', keep_from)
  end
  return bytes
end
