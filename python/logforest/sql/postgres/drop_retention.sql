DELETE FROM retention_rules
WHERE tenant IS NOT DISTINCT FROM nullif($1, '')
  AND level IS NOT DISTINCT FROM nullif($2, '')::log_level
RETURNING days
