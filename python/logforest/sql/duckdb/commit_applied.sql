UPDATE journal SET applied = $1, rows = $2
