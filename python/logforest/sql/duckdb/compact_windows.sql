SELECT window_start, tenant, service, level, category, count, error_count, state, rowid AS row
FROM windows WHERE window_start >= $1 AND window_start < $2
