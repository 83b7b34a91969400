INSERT INTO windows
SELECT window_start, tenant, service, level, category, count, error_count, response_time_count,
       response_time_sum, response_time_sumsq, response_time_min, response_time_max, state
FROM folded_windows
