INSERT INTO rejected_logs (block, line, "offset", reason, text, created_at, file)
SELECT $1, line, "offset", reason, text, now(), file FROM incoming_rejects
