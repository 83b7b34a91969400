-- Templates that have no insight row yet get one; returns how many. $1: status
WITH added AS (
    INSERT INTO insights (template_id, status)
    SELECT t.template_id, $1 FROM templates t
    WHERE NOT EXISTS (SELECT FROM insights i WHERE i.template_id = t.template_id)
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM added
