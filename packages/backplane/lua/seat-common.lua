#!lua flags=allow-oom
-- Heads every seat script. Seats are few and small, and a Redis full of other data must not cut connected clients: hence the
-- flag. Only Redis's clock counts, in milliseconds.
--
--   KEYS[1]  P{seats}              ZSET  seat id -> end of its lease
--            P{seats}:seat:<id>    HASH  sub, gen, state (live | reserved | free), full_at (when its bucket is full), node
--            P{seats}:state        HASH  registry, last_call, hold_until, last_gen
--            P{seats}:sub:<sha1>   ZSET  buckets that this sub left behind within the last second: seat id -> full_at
--   ARGV[1]  registry that the caller remembers, '' for none
--   ARGV[2]  a fresh random registry id, used when there is none
--   ARGV[3]  length of a lease, ms
--   ARGV[4]  the cap
--   ARGV[5]  node id of the caller
--
-- The cap: ZCARD(P{seats}) never rises above ARGV[4]. A lease counts until it is purged, whatever its seat's state.
--
-- The hold: while it lasts, leases that ended are not purged (their nodes may only have been cut off from Redis) and nobody
-- new is admitted; renewals and returning clients are. It begins
--   when no seat call came for 6 s and there are leases: Redis, or all that talk to it, were away; for 6 s,
--   when a caller remembers another registry: this one came up empty and the caller's seats are missing; for one lease.
--
-- Generations: every take-over raises `gen`, over all that were given before (`last_gen`): a record may be lost, and the same
-- generation must not be given twice; whoever knows a lower one has lost the seat. A record outlives its seat by a
-- minute, so that a late renewal is told so, instead of bringing back a seat nobody sits on.

local SEATS = KEYS[1]
local REMEMBERED, FRESH, TTL, CAP, NODE = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local STATE = SEATS .. ':state'
local QUIET = 6000
local RECORD = 60000
local BUCKET = 1000

local time = redis.call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000)

local function seat_key(id)
  return SEATS .. ':seat:' .. id
end

local function bucket_key(sub)
  return SEATS .. ':sub:' .. redis.sha1hex(sub)
end

local function seat_count()
  return redis.call('ZCARD', SEATS)
end

-- A clock set back would make every lease last that much longer, those of dead nodes too.
local function shorten_leases()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', SEATS, NOW + TTL, '+inf')) do
    redis.call('ZADD', SEATS, NOW + TTL, id)
  end
end

local function purge_ended()
  local ended = redis.call('ZRANGEBYSCORE', SEATS, '-inf', NOW)
  for _, id in ipairs(ended) do
    redis.call('PEXPIRE', seat_key(id), RECORD)
  end
  if #ended > 0 then
    redis.call('ZREMRANGEBYSCORE', SEATS, '-inf', NOW)
  end
end

-- Every script begins with this: notes the call, begins a hold where one is due, else purges. Answers the registry's id and
-- the ms that the hold still lasts.
local function attend()
  local state = redis.call('HMGET', STATE, 'registry', 'last_call', 'hold_until')
  local registry = state[1] or FRESH
  local last_call = tonumber(state[2]) or 0
  local hold_until = math.min(tonumber(state[3]) or 0, NOW + math.max(TTL, QUIET))
  if REMEMBERED ~= '' and REMEMBERED ~= registry then
    hold_until = math.max(hold_until, NOW + TTL)
  end
  if NOW - last_call > QUIET and seat_count() > 0 then
    hold_until = math.max(hold_until, NOW + QUIET)
  elseif last_call - NOW > 1000 then
    shorten_leases()
  end
  redis.call('HSET', STATE, 'registry', registry, 'last_call', NOW, 'hold_until', hold_until)
  if NOW >= hold_until then
    purge_ended()
  end
  return registry, math.max(0, hold_until - NOW)
end

-- Answers {sub, gen, state, full_at} of a seat, or nil.
local function read_seat(id)
  local record = redis.call('HMGET', seat_key(id), 'sub', 'gen', 'state', 'full_at')
  if not record[1] then
    return nil
  end
  return { sub = record[1], gen = tonumber(record[2]), state = record[3], full_at = tonumber(record[4]) }
end

local function write_seat(id, sub, gen, state, full_at)
  redis.call('HSET', seat_key(id), 'sub', sub, 'gen', gen, 'state', state, 'full_at', full_at, 'node', NODE)
end

-- The bucket is one number: the ms until it is full again, 0 to 1000.
local function deficit_until(full_at)
  return math.max(0, math.min(BUCKET, full_at - NOW))
end

-- Leaves the bucket of an ended connection where the next seat of its sub finds it.
local function leave_bucket(sub, id, full_at)
  -- Tokens without a sub belong to people who have nothing to do with each other.
  if sub ~= '' and full_at > NOW then
    redis.call('ZADD', bucket_key(sub), full_at, id)
    redis.call('PEXPIRE', bucket_key(sub), BUCKET)
  end
end

-- Notes a generation that some node knows of; answers the highest known. A registry that came up empty does not know what
-- was given before it, so it begins with the time, in microseconds: no take-over is as quick as that.
local function note_gen(gen)
  local last_gen = tonumber(redis.call('HMGET', STATE, 'last_gen')[1]) or time[1] * 1000000 + time[2]
  if gen > last_gen then
    redis.call('HSET', STATE, 'last_gen', gen)
  end
  return math.max(gen, last_gen)
end

-- The generation of a take-over: above the seat's own and above every other.
local function next_gen(gen)
  return note_gen(note_gen(gen) + 1)
end

local function announce_take_over(id, gen)
  redis.call('PUBLISH', SEATS, id .. ' ' .. string.format('%.0f', gen) .. ' ' .. NODE)
end
