-- Is a published frame one that every edge accepts? What passes here is numbered, and a number that an edge then dropped
-- would be a hole for its clients. So this is never laxer than JSON.parse and the schemas; a property test compares the two.

-- cjson is not there while the library loads, and the shared instance accepts NaN, Infinity and 0x10.
local json
local function decode(frame)
  if not json then
    json = cjson.new()
    json.decode_invalid_numbers(false)
    json.decode_max_depth(MAX_FRAME_DEPTH)
  end
  return pcall(json.decode, frame)
end

-- Every well-formed sequence becomes one 'x', so that no two halves can meet across a removed one (RFC 3629, section 4).
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then
    return true
  end
  text = string.gsub(text, '[\194-\223][\128-\191]', 'x')
  text = string.gsub(text, '\224[\160-\191][\128-\191]', 'x')
  text = string.gsub(text, '[\225-\236\238\239][\128-\191][\128-\191]', 'x')
  text = string.gsub(text, '\237[\128-\159][\128-\191]', 'x')
  text = string.gsub(text, '\240[\144-\191][\128-\191][\128-\191]', 'x')
  text = string.gsub(text, '[\241-\243][\128-\191][\128-\191][\128-\191]', 'x')
  text = string.gsub(text, '\244[\128-\143][\128-\191][\128-\191]', 'x')
  return not string.find(text, '[\128-\255]')
end

-- What cjson lets pass in a text that it could decode: `1.`, `-.5`, and raw tabs and line ends inside strings. Looking into
-- the strings is slow, so only a frame with something that could be one of these is looked at closely.
local function is_strict(frame)
  local layout = string.find(frame, '[\t\n\r]')
  if not layout and not string.find(frame, '%.[ ,%]}eE]') and not string.find(frame, '-.', 1, true) then
    return true
  end
  local plain = string.gsub(frame, '\\.', '')
  if layout then
    for text in string.gmatch(plain, '"([^"]*)"') do
      if string.find(text, '[\t\n\r]') then
        return false
      end
    end
  end
  local bare = string.gsub(plain, '"[^"]*"', '""')
  return not string.find(bare, '%.[^0-9]') and not string.find(bare, '[^0-9]%.')
end

-- In UTF-16 units, which is never less than in code points: no validator counts more.
local function text_length(text)
  local _, units = string.gsub(text, '[^\128-\191]', '')
  local _, pairs_of_units = string.gsub(text, '[\240-\244]', '')
  return units + pairs_of_units
end

local function field_problem(name, rule, value)
  if type(value) ~= rule.type then
    return 'data.' .. name .. ' must be a ' .. rule.type
  end
  if rule.type == 'number' then
    if value ~= value or value == math.huge or value == -math.huge then
      return 'data.' .. name .. ' must be a finite number'
    end
    return nil
  end
  if rule.min and #value < rule.min then
    return 'data.' .. name .. ' must not be shorter than ' .. rule.min .. ' characters'
  end
  if rule.max and #value > rule.max and text_length(value) > rule.max then
    return 'data.' .. name .. ' must not be longer than ' .. rule.max .. ' characters'
  end
  return nil
end

local function data_problem(rules, data)
  for name, rule in pairs(rules.required) do
    if data[name] == nil then
      return 'data.' .. name .. ' is missing; add it as a ' .. rule.type
    end
    local problem = field_problem(name, rule, data[name])
    if problem then
      return problem
    end
  end
  for name, rule in pairs(rules.optional) do
    local problem = data[name] ~= nil and field_problem(name, rule, data[name])
    if problem then
      return problem
    end
  end
  return nil
end

-- Answers a problem as text, or nil and the frame's data.
local function check_frame(stream, frame)
  if #frame > MAX_FRAME_BYTES then
    return 'the frame has ' .. #frame .. ' bytes, the limit is ' .. MAX_FRAME_BYTES .. '; send less'
  end
  if not string.find(frame, '^[ \t\n\r]*{') then
    return 'the frame must be a JSON object'
  end
  if string.find(frame, '[%z\1-\8\11\12\14-\31]') then
    return 'the frame holds a raw control character; escape it'
  end
  if not is_utf8(frame) then
    return 'the frame is not valid UTF-8; encode it as UTF-8'
  end
  local decoded, value = decode(frame)
  if not decoded or type(value) ~= 'table' or not is_strict(frame) then
    return 'the frame is not valid JSON of at most ' .. MAX_FRAME_DEPTH .. ' levels'
  end
  if value.type ~= stream.channel then
    return 'type must be "' .. stream.channel .. '", as in the name of the stream'
  end
  local rules = RULES[stream.channel]
  if rules.key_field and value[rules.key_field] ~= stream.key then
    return rules.key_field .. ' must be "' .. stream.key .. '", as in the name of the stream'
  end
  for _, field in ipairs(SERVER_FIELDS) do
    if value[field] ~= nil then
      return 'the field "' .. field .. '" is added by the server; leave it out'
    end
  end
  if type(value.data) ~= 'table' then
    return 'data must be an object'
  end
  return data_problem(rules, value.data), value.data
end
