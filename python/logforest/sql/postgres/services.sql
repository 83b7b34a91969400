-- The services that there are, at most $1 of them: one look into the index for each.
WITH RECURSIVE found AS (
    (SELECT service FROM logs WHERE service IS NOT NULL ORDER BY service LIMIT 1)
    UNION ALL
    SELECT (SELECT l.service FROM logs l WHERE l.service > found.service
            ORDER BY l.service LIMIT 1)
    FROM found WHERE found.service IS NOT NULL
)
SELECT service FROM found WHERE service IS NOT NULL LIMIT $1
