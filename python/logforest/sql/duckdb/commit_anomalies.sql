-- Repeats (records scored again after a crash, or found twice at once) are left out.
INSERT INTO anomalies BY NAME
SELECT found.* FROM incoming_anomalies AS found
WHERE NOT EXISTS (
    SELECT 1 FROM anomalies AS known
    WHERE known.log_id = found.log_id AND known.model_version = found.model_version
      AND known.kind = found.kind
)
QUALIFY row_number() OVER (PARTITION BY log_id, model_version, kind ORDER BY timestamp) = 1
