-- What the records $1 < id <= $2 add to their fingerprints.
CREATE OR REPLACE TEMPORARY TABLE template_counts AS
SELECT template_id, count(*) AS count, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
       min(id) AS example_id
FROM logs WHERE id > $1 AND id <= $2 AND template_id IS NOT NULL GROUP BY template_id
