SELECT key, digest, first_id, records, rejected, answer FROM ledger
WHERE key IN (SELECT unnest($1::VARCHAR[]))
