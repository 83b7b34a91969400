-- Losses of the queue since the last look, as one open alert. $1: channels to notify
WITH lost AS (
    SELECT queue_group, count(*) AS n, min(noticed_at) AS first,
           string_agg(entry_id, ', ' ORDER BY entry_id) AS ids
    FROM (SELECT * FROM lost_entries WHERE alerted_at IS NULL FOR UPDATE SKIP LOCKED) fresh
    GROUP BY queue_group
), marked AS (
    UPDATE lost_entries l SET alerted_at = now() FROM lost
    WHERE l.alerted_at IS NULL AND l.queue_group = lost.queue_group
), raised AS (
    INSERT INTO alerts (alert_type, severity, condition, status, triggered_at, count, fingerprint)
    SELECT 'queue_loss', 'CRITICAL',
           'Redis lost ' || n || ' entries before group ' || queue_group || ' was done with them: '
           || left(ids, 2000), 'open', first, n, md5('queue_loss' || queue_group)
    FROM lost
    ON CONFLICT (fingerprint) WHERE status <> 'resolved'
    DO UPDATE SET count = alerts.count + excluded.count, condition = excluded.condition
    RETURNING id, alert_type, severity, condition, triggered_at, count, xmax = 0 AS fresh
), outbox AS (
    INSERT INTO notifications (alert_id, channel, dedup_key, payload)
    SELECT r.id, c.channel, r.id || ':open',
           json_build_object('alert', r.id, 'type', r.alert_type, 'severity', r.severity,
                             'condition', r.condition, 'triggered_at', r.triggered_at)::text
    FROM raised r, unnest($1::text[]) AS c(channel) WHERE r.fresh
    ON CONFLICT DO NOTHING
)
SELECT * FROM raised
