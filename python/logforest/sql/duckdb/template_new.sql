-- Fingerprints not met before, at most $1, with their first message clipped to $2 characters.
CREATE OR REPLACE TEMPORARY TABLE template_new AS
SELECT c.template_id, '' AS template, left(l.message, $2) AS example, c.count, c.first_seen,
       c.last_seen
FROM (
    SELECT * FROM template_counts ANTI JOIN templates USING (template_id)
    ORDER BY example_id LIMIT $1
) c JOIN logs l ON l.id = c.example_id
