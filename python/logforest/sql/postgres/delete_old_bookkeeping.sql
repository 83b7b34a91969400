-- The ledger must outlive any redelivery: the queue never holds a block for a week.
DELETE FROM ledger WHERE committed_at < now() - interval '7 days';
DELETE FROM rejected_logs WHERE created_at < now() - interval '30 days';
DELETE FROM lost_entries WHERE noticed_at < now() - interval '90 days'
