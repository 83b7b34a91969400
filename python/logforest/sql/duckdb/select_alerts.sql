SELECT * FROM alerts {where} ORDER BY triggered_at DESC, id DESC
