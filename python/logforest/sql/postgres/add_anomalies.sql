-- From the temporary table of the same shape; repeats are harmless.
WITH fresh AS (
    INSERT INTO anomalies (log_id, kind, timestamp, tenant, service, level, message, anomaly_score,
                           severity, confidence, model_version, reasons, features_used, detected_at)
    SELECT log_id, kind, timestamp, tenant, service, level, message, anomaly_score,
           severity, confidence, model_version, reasons, features_used,
           coalesce(detected_at, now())
    FROM incoming_anomalies
    ON CONFLICT (log_id, model_version, kind) DO NOTHING
    RETURNING id
)
SELECT count(*) AS n FROM fresh
