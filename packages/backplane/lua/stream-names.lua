-- Which stream a key names, and what else in Redis belongs to that stream.
--
--   <prefix>{market_data:0700.HK}        state of one symbol
--   <prefix>{agent_status}:coordinator   state of one agent; likewise backtest_progress
--   <prefix>{alerts}                     state of the one alerts stream
--
-- A name up to and including its closing brace is the Pub/Sub channel, and the hash tag that keeps all of a channel's keys
-- in one cluster slot. RULES comes from the schemas of the protocol and stands above this text.

-- Must agree with isNormalKey of the protocol: a key that is not in normal form would be a second stream for one symbol.
local function is_normal_key(channel, key)
  if #key > 64 or not string.find(key, '^[A-Za-z0-9.^=_-]+$') then
    return false
  end
  if channel ~= 'market_data' then
    return true
  end
  if string.find(key, '[a-z]') then
    return false
  end
  local digits = string.match(key, '^(%d+)%.HK$')
  if digits then
    digits = string.gsub(digits, '^0+', '')
    return #digits > 5 or key == string.rep('0', 4 - #digits) .. digits .. '.HK'
  end
  local swapped = string.match(key, '^HK%.(%d+)$')
  return not swapped or #string.gsub(swapped, '^0+', '') > 5
end

-- Answers {channel, key or nil, state, pubsub, index or nil, log or nil}, or nil when the name is of no stream.
local function parse_stream(name)
  local tag, inner, rest = string.match(name, '^([^{}]*:{([^{}]+)})(.*)$')
  if not tag then
    return nil
  end
  if inner == 'alerts' then
    return rest == '' and { channel = 'alerts', state = name, pubsub = tag, log = name .. ':log' } or nil
  end
  local channel, key = string.match(inner, '^(market_data):(.+)$')
  if channel then
    if rest ~= '' then
      return nil
    end
  else
    channel, key = inner, string.match(rest, '^:(.+)$')
    if channel == 'market_data' or not RULES[channel] or not key then
      return nil
    end
  end
  if not is_normal_key(channel, key) then
    return nil
  end
  local index = channel ~= 'market_data' and tag or nil
  return { channel = channel, key = key, state = name, pubsub = tag, index = index }
end

-- Whether a name is of the list of all live agents or backtests.
local function is_index(name)
  return string.find(name, '^[^{}]*:{agent_status}$') ~= nil or string.find(name, '^[^{}]*:{backtest_progress}$') ~= nil
end
