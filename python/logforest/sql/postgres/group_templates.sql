-- $1 fingerprints, $2 groups, $3 texts; locked in order, as in count_templates.
WITH n AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS n (template_id, group_id, template)
), held AS (
    SELECT t.template_id FROM templates t JOIN n USING (template_id)
    ORDER BY t.template_id FOR UPDATE OF t
)
UPDATE templates t SET group_id = n.group_id, template = n.template
FROM n JOIN held USING (template_id) WHERE t.template_id = n.template_id
