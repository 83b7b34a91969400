INSERT INTO templates (template_id, template, example)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) ORDER BY 1
ON CONFLICT DO NOTHING
