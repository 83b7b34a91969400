-- The ledger must outlive any redelivery: the queue never holds a block for a week.
DELETE FROM ledger WHERE committed_at < now() - interval '7 days';
DELETE FROM rejected_logs WHERE created_at < now() - interval '30 days';
DELETE FROM lost_entries WHERE noticed_at < now() - interval '90 days';
-- Segments of records that no rule keeps any more. Without its segment a record is still found.
DELETE FROM log_segments
WHERE max_time < now() - (SELECT max(days) FROM retention_rules) * interval '1 day'
  AND EXISTS (SELECT FROM retention_rules WHERE tenant IS NULL AND level IS NULL)
