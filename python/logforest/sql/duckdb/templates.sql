-- The fingerprints that occur most, each with its latest record as the example.
SELECT template_id, count(*) AS count,
       count(*) FILTER (WHERE level IN ('ERROR', 'CRITICAL')) AS error_count,
       min(timestamp) AS first_seen, max(timestamp) AS last_seen,
       any_value(service) AS service, count(DISTINCT service) AS services,
       arg_max(message, id) AS example, arg_max(level, id) AS level
FROM logs {where} GROUP BY template_id ORDER BY count DESC, template_id LIMIT {limit}
