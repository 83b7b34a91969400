-- The first minutes that hold several rows of the same keys, about $1 rows in all.
WITH unfolded AS (
    SELECT window_start, sum(n)::BIGINT AS rows
    FROM (SELECT window_start, count(*) AS n FROM windows
          GROUP BY window_start, tenant, service, level, category)
    GROUP BY window_start HAVING max(n) > 1
)
SELECT epoch_us(window_start) FROM unfolded
QUALIFY coalesce(sum(rows) OVER (ORDER BY window_start
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) < $1
ORDER BY window_start
