-- Takes new entries for a consumer that needs to know of them, not what is in them.
-- KEYS: stream   ARGV: group, consumer, how many   Returns their ids.
local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3],
  'STREAMS', KEYS[1], '>')
local ids = {}
if read then
  for i, entry in ipairs(read[1][2]) do ids[i] = entry[1] end
end
return ids
