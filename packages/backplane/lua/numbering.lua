-- Epochs: one epoch names one unbroken run of a stream's numbers. A stream whose state was written by another run of Redis,
-- or that has no state, gets a new one, since its numbers may have been issued before and lost (restart, failover, FLUSHALL).

local DAY_MS = 86400000

-- The run of Redis: its process and its place in the replication history. The second can change without a restart (a node
-- demoted and promoted again), so it is read again ten times a second, which costs nothing and is faster than any failover.
local run_id, boot_id, boot_read_ms
local function current_boot(now_ms)
  if not boot_id or now_ms < boot_read_ms or now_ms - boot_read_ms >= 100 then
    run_id = run_id or string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
    boot_id = string.sub(run_id, 1, 8) .. string.sub(history, 1, 8)
    boot_read_ms = now_ms
  end
  return boot_id
end

-- Redis's clock, three ways: {us = microseconds, ms = milliseconds, text = '<seconds>.<6 digits>'}.
local function read_clock()
  local time = redis.call('TIME')
  local seconds, micros = tonumber(time[1]), tonumber(time[2])
  return {
    us = seconds * 1000000 + micros,
    ms = seconds * 1000 + math.floor(micros / 1000),
    text = time[1] .. '.' .. string.format('%06d', micros),
  }
end

-- The epoch's number heads the ids of the log, which may only rise: also when the clock went back.
local function new_epoch(stream, old_epoch, clock, boot)
  local number = clock.us
  local function exceed(text)
    local issued = text and tonumber(string.match(text, '^(%d+)-'))
    if issued and issued >= number then
      number = issued + 1
    end
  end
  exceed(old_epoch)
  if stream.log then
    local last = redis.call('XREVRANGE', stream.log, '+', '-', 'COUNT', 1)[1]
    exceed(last and last[1])
  end
  -- The end of the boot id as well as its start: the one tells restarts apart, the other failovers.
  return string.format('%.0f', number) .. '-' .. string.sub(boot, 1, 3) .. string.sub(boot, 9, 11)
end
