-- The templates that occur most: counts of the records that match, by the group of their
-- fingerprint. No message is read but where the templates table has none.
WITH found AS (
    SELECT template_id, service, count(*) AS count,
           count(*) FILTER (WHERE level IN ('ERROR', 'CRITICAL')) AS error_count,
           min(timestamp) AS first_seen, max(timestamp) AS last_seen, arg_max(level, enum_code(level)) AS level,
           max(id) AS latest
    FROM logs {where} GROUP BY template_id, service
), grouped AS (
    SELECT coalesce(t.group_id, found.template_id) AS template_id,
           arg_max(t.template, found.count) AS template, sum(found.count)::BIGINT AS count,
           sum(error_count)::BIGINT AS error_count, min(found.first_seen) AS first_seen,
           max(found.last_seen) AS last_seen, min(service) AS service,
           count(DISTINCT service) AS services, arg_max(level, enum_code(level)) AS level,
           count(DISTINCT found.template_id) AS fingerprints,
           arg_max(t.example, found.count) AS example, max(latest) AS latest
    FROM found LEFT JOIN templates t USING (template_id)
    GROUP BY ALL ORDER BY count DESC, template_id LIMIT {limit}
)
SELECT template_id, template, count, error_count, first_seen, last_seen, service, services, level,
       fingerprints,
       coalesce(example, (SELECT message FROM logs WHERE logs.id = latest)) AS example
FROM grouped ORDER BY count DESC, template_id
