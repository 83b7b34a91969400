WITH added AS (
    INSERT INTO lost_entries (queue_group, entry_id) SELECT $1, unnest($2::text[])
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM added
