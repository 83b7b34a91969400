-- Turns up to $1 anomalies that nobody has looked at into alerts and outbox rows, in one
-- statement. One open alert per fingerprint: repeats count up, and only a new alert notifies.
-- $2: severities that alert, $3: channels to notify
WITH taken AS (
    SELECT id FROM anomalies WHERE alerted_at IS NULL
    ORDER BY id LIMIT $1::bigint FOR UPDATE SKIP LOCKED
), seen AS (
    UPDATE anomalies a SET alerted_at = now() FROM taken t WHERE a.id = t.id
    RETURNING a.kind, a.severity, a.tenant, a.service, a.timestamp, a.reason, a.reasons
), grouped AS (
    SELECT md5(concat_ws(chr(31), 'anomaly', kind, severity, tenant, service)) AS fingerprint,
           kind, severity, tenant, service, count(*) AS n, max(timestamp) AS last,
           coalesce((array_agg(coalesce(reason, reasons) ORDER BY timestamp DESC))[1], kind) AS condition
    FROM seen WHERE upper(severity) = ANY ($2::text[])
    GROUP BY kind, severity, tenant, service
), raised AS (
    INSERT INTO alerts (alert_type, severity, tenant, service, condition, status, triggered_at,
                        count, fingerprint)
    SELECT CASE WHEN kind = '' THEN 'anomaly' ELSE 'anomaly:' || kind END, severity, tenant,
           service, condition, 'open', last, n, fingerprint
    FROM grouped ORDER BY fingerprint
    ON CONFLICT (fingerprint) WHERE status <> 'resolved'
    DO UPDATE SET count = alerts.count + excluded.count
    RETURNING id, alert_type, severity, tenant, service, condition, status, triggered_at, count,
              fingerprint, xmax = 0 AS fresh
), outbox AS (
    INSERT INTO notifications (alert_id, channel, dedup_key, payload)
    SELECT r.id, c.channel, r.id || ':open',
           json_build_object('alert', r.id, 'type', r.alert_type, 'severity', r.severity,
                             'tenant', r.tenant, 'service', r.service, 'condition', r.condition,
                             'triggered_at', r.triggered_at)::text
    FROM raised r, unnest($3::text[]) AS c(channel)
    WHERE r.fresh
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM outbox) AS notified, r.*
FROM (SELECT 1) one LEFT JOIN raised r ON true
