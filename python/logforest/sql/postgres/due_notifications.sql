-- Outbox rows that are due, for one channel; held until the transaction ends.
SELECT id, alert_id, payload, attempts FROM notifications
WHERE sent_at IS NULL AND channel = $1 AND next_attempt_at <= now()
ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
