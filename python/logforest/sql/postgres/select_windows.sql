SELECT window_start, count, error_count, response_time_count, response_time_sum,
       response_time_sumsq, response_time_min, response_time_max, level::text AS level,
       category::text AS category, tenant, service, state
FROM windows {where}
