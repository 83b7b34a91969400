SELECT * FROM logs {where} ORDER BY timestamp {order}, id {order} {limit}
