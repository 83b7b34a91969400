-- How many entries follow an id, at most so many; what is in them stays here.
-- KEYS: stream   ARGV: id, limit
return #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
