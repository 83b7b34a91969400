-- Deltas of closed windows that can be joined: only windows with more than one row for their keys.
-- $1: closed before, $2: rows at most
WITH split AS (
    SELECT window_start FROM windows
    WHERE window_start < $1::timestamptz
    GROUP BY window_start, tenant, service, level, category
    HAVING count(*) > 1
), chosen AS (
    SELECT DISTINCT window_start FROM split ORDER BY window_start LIMIT 1000
), gone AS (
    DELETE FROM windows w
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM windows WHERE window_start IN (SELECT window_start FROM chosen)
        ORDER BY window_start LIMIT $2::bigint))
    RETURNING *
)
SELECT window_start, count, error_count, response_time_count, response_time_sum,
       response_time_sumsq, response_time_min, response_time_max, level::text AS level,
       category::text AS category, tenant, service, state
FROM gone
