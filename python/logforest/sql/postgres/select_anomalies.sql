SELECT id, log_id, kind, timestamp, tenant, service, level, message, anomaly_score, severity,
       confidence, model_version, reasons, features_used, detected_at
FROM anomalies {where} ORDER BY timestamp DESC, id DESC {limit}
