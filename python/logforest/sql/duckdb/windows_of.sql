SELECT window_start, tenant, service, level, category, count, error_count, state FROM windows
WHERE epoch_us(window_start) IN (SELECT unnest($1::BIGINT[]))
