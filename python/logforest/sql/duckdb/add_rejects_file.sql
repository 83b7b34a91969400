-- Files made before rejects told where they come from.
ALTER TABLE rejected_logs ADD COLUMN file VARCHAR
