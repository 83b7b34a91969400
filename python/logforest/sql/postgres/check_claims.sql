-- Changes with the set of the segments up to number $1.
SELECT count(*) AS n, coalesce(sum(hashint8(seq)), 0)::bigint AS hash
FROM log_segments WHERE seq <= $1
