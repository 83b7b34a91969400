-- A digest of the messages of each segment: which of its records can hold a term. Segments of
-- before have none; their records are read as before.
ALTER TABLE log_segments ADD COLUMN digest bytea;
-- It is compressed already.
ALTER TABLE log_segments ALTER digest SET STORAGE EXTERNAL;
-- A search goes through the segments by time, step by step, and remembers by number which ids they
-- have.
ALTER TABLE log_segments ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX log_segments_seq ON log_segments (seq);
CREATE INDEX log_segments_min_time ON log_segments (min_time);
