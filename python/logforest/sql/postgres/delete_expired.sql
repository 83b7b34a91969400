-- Some rows of one partition ({partition}) that no rule keeps. The most specific rule of a row
-- decides: tenant and level, tenant, level, everything. $1: rows at most.
WITH gone AS (
    DELETE FROM {partition} WHERE ctid = ANY (ARRAY(
        SELECT l.ctid FROM {partition} l
        WHERE l.timestamp < now() - (SELECT min(days) FROM retention_rules) * interval '1 day'
          AND l.timestamp < now() - (
              SELECT r.days FROM retention_rules r
              WHERE (r.tenant IS NULL OR r.tenant = l.tenant)
                AND (r.level IS NULL OR r.level = l.level)
              ORDER BY (r.tenant IS NOT NULL) DESC, (r.level IS NOT NULL) DESC LIMIT 1
          ) * interval '1 day'
        LIMIT $1
    ))
    RETURNING 1
)
SELECT count(*) AS deleted FROM gone
