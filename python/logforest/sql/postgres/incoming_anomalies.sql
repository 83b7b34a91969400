CREATE TEMPORARY TABLE incoming_anomalies (
    log_id bigint, timestamp timestamptz, detected_at timestamptz, anomaly_score double precision,
    confidence double precision, kind text, tenant text, service text, level text, message text,
    severity text, model_version text, reasons text, features_used text
) ON COMMIT DROP
