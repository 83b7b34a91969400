SELECT id, log_id, timestamp, tenant, service, level, message, kind, anomaly_score, severity,
       confidence, model_version, template_id, template, features_used, actual, expected, reason,
       reasons, samples, window_start, window_end, incident_start, detected_at
FROM anomalies {where} ORDER BY timestamp DESC, id DESC {limit}
