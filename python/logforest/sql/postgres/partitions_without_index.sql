-- Partitions of table $1 that have no part of its index $2.
SELECT c.relname::text AS name
FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid
WHERE p.inhparent = to_regclass($1) AND NOT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid
    WHERE i.inhparent = to_regclass($2) AND x.indrelid = c.oid)
ORDER BY name
