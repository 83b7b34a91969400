-- The record $1, and $2 neighbours of its service on either side.
WITH target AS (SELECT timestamp, id, service, tenant FROM logs WHERE id = $1),
before AS (
    SELECT logs.* FROM logs, target
    WHERE logs.service IS NOT DISTINCT FROM target.service
      AND logs.tenant IS NOT DISTINCT FROM target.tenant AND logs.timestamp <= target.timestamp
      AND (logs.timestamp, logs.id) <= (target.timestamp, target.id)
    ORDER BY logs.timestamp DESC, logs.id DESC LIMIT $2 + 1
),
after AS (
    SELECT logs.* FROM logs, target
    WHERE logs.service IS NOT DISTINCT FROM target.service
      AND logs.tenant IS NOT DISTINCT FROM target.tenant AND logs.timestamp >= target.timestamp
      AND (logs.timestamp, logs.id) > (target.timestamp, target.id)
    ORDER BY logs.timestamp, logs.id LIMIT $2
)
SELECT * FROM (FROM before UNION ALL FROM after) ORDER BY timestamp, id
