CREATE TEMPORARY TABLE incoming_anomalies (LIKE anomalies) ON COMMIT DROP;
ALTER TABLE incoming_anomalies ALTER id DROP NOT NULL, ALTER detected_at DROP NOT NULL
