-- The templates that occur most: counts of the records that match, by the group of their
-- fingerprint. No message is read but where the templates table has none.
WITH found AS (
    SELECT template_id, service, count(*) AS count,
           count(*) FILTER (WHERE level IN ('ERROR', 'CRITICAL')) AS error_count,
           min(timestamp) AS first_seen, max(timestamp) AS last_seen, max(level) AS level
    FROM logs {where} GROUP BY template_id, service
), grouped AS (
    SELECT coalesce(t.group_id, f.template_id) AS template_id, sum(f.count)::bigint AS count,
           sum(error_count)::bigint AS error_count, min(f.first_seen) AS first_seen,
           max(f.last_seen) AS last_seen, min(service) AS service,
           count(DISTINCT service) AS services, max(level) AS level,
           count(DISTINCT f.template_id) AS fingerprints,
           (array_agg(f.template_id ORDER BY f.count DESC, f.template_id))[1] AS most
    FROM found f LEFT JOIN templates t ON t.template_id = f.template_id
    GROUP BY coalesce(t.group_id, f.template_id)
    ORDER BY count DESC, template_id LIMIT {limit}
)
SELECT g.template_id, t.template, g.count, error_count, g.first_seen, g.last_seen, service, services,
       level::text AS level, fingerprints,
       coalesce(t.example, (
           SELECT message FROM logs l
           WHERE l.template_id IS NOT DISTINCT FROM g.most AND l.timestamp = g.last_seen LIMIT 1
       )) AS example
FROM grouped g LEFT JOIN templates t ON t.template_id = g.most
ORDER BY count DESC, template_id
