-- Makes a group that reads the stream from its first entry on. Nothing that is still in the
-- stream is skipped: entries that were stored before are known to the ledger.
-- KEYS: stream, id counter, acknowledged counters   ARGV: group
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if type(made) == 'table' and made.err then
  if string.find(made.err, 'BUSYGROUP', 1, true) then return 0 end
  return made
end
-- Its lag counts from the first block that is there.
local done = redis.call('GET', KEYS[2])
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if entries[1] then
  local fields = entries[1][2]
  for i = 1, #fields, 2 do
    if fields[i] == 'first_id' then
      done = string.format('%.0f', tonumber(fields[i + 1]) - 1)
    end
  end
end
if done then redis.call('HSET', KEYS[3], ARGV[1], done) end
return 1
