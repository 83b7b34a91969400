-- The ids of new pages into the BRIN indexes, or looking for an id reads all of these pages.
SELECT count(brin_summarize_new_values(x.indexrelid)) AS n
FROM pg_inherits i
JOIN pg_index x ON x.indrelid = i.inhrelid
JOIN pg_class c ON c.oid = x.indexrelid
JOIN pg_am a ON a.oid = c.relam
WHERE i.inhparent = 'logs'::regclass AND a.amname = 'brin'
