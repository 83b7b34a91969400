-- Adds to counts. Rows are locked in order, so that workers wait for each other but never in a ring.
-- $1 fingerprints, $2 counts, $3 first and $4 last times
WITH n AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
        AS n (template_id, count, first_seen, last_seen)
), held AS (
    SELECT t.template_id FROM templates t JOIN n USING (template_id)
    ORDER BY t.template_id FOR UPDATE OF t
)
UPDATE templates t
SET count = t.count + n.count,
    first_seen = CASE WHEN t.count = 0 THEN n.first_seen ELSE least(t.first_seen, n.first_seen) END,
    last_seen = greatest(t.last_seen, n.last_seen)
FROM n JOIN held USING (template_id) WHERE t.template_id = n.template_id
