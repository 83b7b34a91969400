SELECT window_start, count, error_count, {keys}state FROM windows {where}
