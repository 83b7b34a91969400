-- Months of which no rule keeps any row any more: the longest rule decides, and there must be a
-- rule for everything (tenant and level both NULL).
SELECT c.relname AS name
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'logs'::regclass AND c.relname ~ '^logs_\d{4}_\d{2}$'
  AND EXISTS (SELECT FROM retention_rules WHERE tenant IS NULL AND level IS NULL)
  AND (to_date(substr(c.relname, 6), 'YYYY_MM')::timestamp + interval '1 month') AT TIME ZONE 'UTC'
      < now() - (SELECT max(days) FROM retention_rules) * interval '1 day'
ORDER BY name
