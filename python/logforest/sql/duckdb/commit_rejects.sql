INSERT INTO rejected_logs
SELECT $1, line, "offset", reason, text, now() FROM incoming_rejects
