SELECT tenant, level::text AS level, days FROM retention_rules
ORDER BY tenant NULLS FIRST, level NULLS FIRST
