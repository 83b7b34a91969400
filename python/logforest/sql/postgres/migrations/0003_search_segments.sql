-- What a text search reads before it reads logs: for some thousand records each, their ids and a
-- filter of the pieces of text in their messages. Rows come with the COPY of their records, in one
-- transaction; records of small commits get theirs later, and those without any are always read.
CREATE TABLE log_segments (
    min_time timestamptz NOT NULL,
    max_time timestamptz NOT NULL,
    rows integer NOT NULL,
    words integer NOT NULL,       -- 64-bit words of the filter
    salt integer NOT NULL,        -- what collides in one filter does not in all
    ids bytea NOT NULL,           -- runs of ids: first and last, int64 little-endian
    filter bytea NOT NULL
);
-- Not compressed (it would not shrink): a probe then reads one piece of it, not all of it.
ALTER TABLE log_segments ALTER filter SET STORAGE EXTERNAL;
CREATE INDEX log_segments_time ON log_segments (max_time);

-- A search looks for dozens of ranges of ids, and each reads the whole index: it has to be small.
DROP INDEX logs_id;
CREATE INDEX logs_id ON logs USING brin (id) WITH (pages_per_range = 64, autosummarize = on);
