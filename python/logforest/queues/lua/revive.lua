-- Puts a dead letter back into the queue, without the fields that told of its death.
-- KEYS: dead-letter stream, stream   ARGV: dead letter's id
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if not found[1] then return 0 end
local fields, kept = found[1][2], {}
local own = {reason = true, group = true, entry = true, deliveries = true}
for i = 1, #fields, 2 do
  if i > 8 or not own[fields[i]] then
    kept[#kept + 1] = fields[i]
    kept[#kept + 1] = fields[i + 1]
  end
end
redis.call('XADD', KEYS[2], '*', unpack(kept))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
