-- Removes the entries that every group has acknowledged: those below the lowest id that is pending
-- or not yet delivered in any group. KEYS: stream   Returns how many.
local function below(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  if ams ~= bms then return tonumber(ams) < tonumber(bms) end
  return tonumber(aseq) < tonumber(bseq)
end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err or #groups == 0 then return 0 end
local lowest
for _, group in ipairs(groups) do
  local info = {}
  for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
  local id = info['last-delivered-id']
  if info['pending'] > 0 then
    id = redis.call('XPENDING', KEYS[1], info['name'])[2]
  end
  if not lowest or below(id, lowest) then lowest = id end
end
return redis.call('XTRIM', KEYS[1], 'MINID', lowest)
