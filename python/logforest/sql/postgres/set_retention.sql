-- $1 days, $2 tenant, $3 level; empty: all of them.
INSERT INTO retention_rules (days, tenant, level)
VALUES ($1, nullif($2, ''), nullif($3, '')::log_level)
ON CONFLICT (tenant, level) DO UPDATE SET days = excluded.days
RETURNING days
