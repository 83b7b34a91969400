-- The next segments by {key}: how many, from when to when, how many records.
SELECT count(*) AS n, sum(rows)::bigint AS rows, min(key) AS low, max(key) AS high
FROM (
    SELECT {key} AS key, rows FROM log_segments WHERE {where} ORDER BY {key} {way} LIMIT {most}
) AS step
