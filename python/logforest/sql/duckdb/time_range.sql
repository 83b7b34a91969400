SELECT min(window_start), max(window_start) + INTERVAL 1 MINUTE FROM windows {where}
