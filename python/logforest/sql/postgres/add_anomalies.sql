-- From the temporary table of the same shape; repeats are harmless.
WITH fresh AS (
    INSERT INTO anomalies (
    log_id, kind, timestamp, tenant, service, level, message, anomaly_score, severity,
    confidence, model_version, template_id, template, features_used, actual, expected, reason,
    reasons, samples, window_start, window_end, incident_start, detected_at)
    SELECT
    log_id, kind, timestamp, tenant, service, level, message, anomaly_score, severity,
    confidence, model_version, template_id, template, features_used, actual, expected, reason,
    reasons, samples, window_start, window_end, incident_start,
    coalesce(detected_at, now())
    FROM incoming_anomalies ORDER BY timestamp, log_id
    ON CONFLICT (log_id, model_version, kind) DO NOTHING
    RETURNING id
)
SELECT count(*) AS n FROM fresh
