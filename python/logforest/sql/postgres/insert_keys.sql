-- Claims ledger keys for this transaction; those returned are new. A key that another transaction
-- is committing right now is waited for, so that it is known whether it became old.
INSERT INTO ledger (key, digest, first_id, records, rejected, answer)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
ON CONFLICT (key) DO NOTHING
RETURNING key
