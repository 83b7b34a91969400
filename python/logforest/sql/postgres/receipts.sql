SELECT key, digest, first_id, records, rejected, answer FROM ledger WHERE key = ANY ($1::text[])
