SELECT * FROM anomalies {where} ORDER BY timestamp DESC, id DESC {limit}
