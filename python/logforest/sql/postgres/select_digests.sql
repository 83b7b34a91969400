SELECT seq, digest FROM log_segments WHERE seq = ANY ($1::bigint[])
