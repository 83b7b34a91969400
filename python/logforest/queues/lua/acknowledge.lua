-- Acknowledges entries and counts their records; what was acknowledged before counts once.
-- KEYS: stream, acknowledged counters   ARGV: group, then entry id and records, ...
local records, entries = 0, 0
for i = 2, #ARGV, 2 do
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) == 1 then
    entries = entries + 1
    records = records + tonumber(ARGV[i + 1])
  end
end
if records > 0 then
  redis.call('HSETNX', KEYS[2], ARGV[1], redis.call('HGET', KEYS[2], '_base') or 0)
  redis.call('HINCRBY', KEYS[2], ARGV[1], string.format('%.0f', records))
end
return entries
