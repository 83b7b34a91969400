SELECT seq, min_time, max_time, rows, ids FROM log_segments WHERE {where}
