-- $1: the record, $2: how many of its service on either side.
WITH here AS (
    SELECT id, timestamp, service, tenant FROM logs WHERE id = $1::bigint LIMIT 1
), near AS (
    SELECT * FROM (
        SELECT l.* FROM logs l, here h
        WHERE l.service IS NOT DISTINCT FROM h.service AND l.tenant IS NOT DISTINCT FROM h.tenant
          AND l.timestamp <= h.timestamp AND (l.timestamp, l.id) <= (h.timestamp, h.id)
        ORDER BY l.timestamp DESC, l.id DESC LIMIT $2::bigint + 1
    ) before_it
    UNION ALL
    SELECT * FROM (
        SELECT l.* FROM logs l, here h
        WHERE l.service IS NOT DISTINCT FROM h.service AND l.tenant IS NOT DISTINCT FROM h.tenant
          AND l.timestamp >= h.timestamp AND (l.timestamp, l.id) > (h.timestamp, h.id)
        ORDER BY l.timestamp, l.id LIMIT $2::bigint
    ) after_it
)
SELECT id, tenant, timestamp, level::text, service, source, message, endpoint, method, status_code,
       response_time, ip_address, user_id, trace_id, span_id, category::text, template_id, metadata,
       created_at
FROM near ORDER BY timestamp, id
