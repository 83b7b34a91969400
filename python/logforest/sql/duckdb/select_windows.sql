SELECT window_start, {keys}, count, error_count, state FROM windows {where}
