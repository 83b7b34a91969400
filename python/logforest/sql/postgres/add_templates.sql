-- $1 fingerprints, $2 texts, $3 examples, $4 how many the table may hold
INSERT INTO templates (template_id, template, example)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
WHERE (SELECT count(*) FROM templates) < $4::bigint
ORDER BY 1
ON CONFLICT DO NOTHING
