-- Moves an entry to the dead-letter stream and acknowledges it.
-- KEYS: stream, dead-letter stream, acknowledged counters
-- ARGV: group, entry id, records, reason, deliveries
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
if found[1] then
  local fields = found[1][2]
  redis.call('XADD', KEYS[2], '*', 'reason', ARGV[4], 'group', ARGV[1], 'entry', ARGV[2],
    'deliveries', ARGV[5], unpack(fields))
end
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1 and tonumber(ARGV[3]) > 0 then
  redis.call('HSETNX', KEYS[3], ARGV[1], redis.call('HGET', KEYS[3], '_base') or 0)
  redis.call('HINCRBY', KEYS[3], ARGV[1], ARGV[3])
end
return found[1] and 1 or 0
