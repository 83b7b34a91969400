UPDATE journal SET applied = $1
