-- Files made before transactions ended in the middle of a frame.
ALTER TABLE journal ADD COLUMN rows BIGINT DEFAULT 0
