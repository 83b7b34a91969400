-- The fingerprints that occur most, each with its latest record as the example.
SELECT template_id, count(*) AS count,
       count(*) FILTER (WHERE level IN ('ERROR', 'CRITICAL')) AS error_count,
       min(timestamp) AS first_seen, max(timestamp) AS last_seen,
       min(service) AS service, count(DISTINCT service) AS services,
       (array_agg(message ORDER BY id DESC))[1] AS example,
       (array_agg(level::text ORDER BY id DESC))[1] AS level
FROM logs {where} GROUP BY template_id ORDER BY count DESC, template_id LIMIT {limit}
