-- Adds one block together with its ids, or says that it was added before.
-- KEYS: stream, id counter, acknowledged counters, memory of this block's key
-- ARGV: data, format, tenant, count, trace, key, digest, received (us), options, answer,
--       lag limit (records, 0: none), entry limit (0: none), seconds to remember the key, codec of data
-- Returns {0, first id, entry id}, or {1, "first id|count|digest|answer"} for a known key.
local seen = redis.call('GET', KEYS[4])
if seen then return {1, seen} end

local count = tonumber(ARGV[4])
local last = redis.call('GET', KEYS[2])
if not last then
  -- A new counter starts at the time in microseconds: above all ids given out before a loss of
  -- this database, as long as fewer than a million a second were.
  local now = redis.call('TIME')
  last = string.format('%.0f', now[1] * 1000000 + now[2])
  redis.call('SET', KEYS[2], last)
  redis.call('HSET', KEYS[3], '_base', last)
end
local limit = tonumber(ARGV[11])
if limit > 0 then
  local done = redis.call('HGET', KEYS[3], 'store') or redis.call('HGET', KEYS[3], '_base') or last
  local lag = tonumber(last) - tonumber(done)
  if lag > limit then
    return redis.error_reply(string.format('LAGLIMIT %.0f records wait to be stored', lag))
  end
end
local entries = tonumber(ARGV[12])
if entries > 0 and redis.call('XLEN', KEYS[1]) >= entries then
  return redis.error_reply(string.format('LAGLIMIT the queue holds %.0f entries', entries))
end

local first = string.format('%.0f', redis.call('INCRBY', KEYS[2], ARGV[4]) - count + 1)
local id = redis.call('XADD', KEYS[1], '*', 'data', ARGV[1], 'format', ARGV[2], 'tenant', ARGV[3],
  'first_id', first, 'count', ARGV[4], 'trace', ARGV[5], 'key', ARGV[6], 'received', ARGV[8],
  'options', ARGV[9], 'codec', ARGV[14])
redis.call('SET', KEYS[4], first .. '|' .. ARGV[4] .. '|' .. ARGV[7] .. '|' .. ARGV[10],
  'EX', ARGV[13])
return {0, first, id}
