SELECT min_time, max_time, rows, ids, {may} AS may FROM log_segments
