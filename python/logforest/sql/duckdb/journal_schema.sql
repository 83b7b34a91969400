-- Which frames of the journal beside the file (stores/journal.py) are in the tables; made when
-- absent, also in older files.
CREATE TABLE IF NOT EXISTS journal (
    tag BIGINT NOT NULL,     -- of this store: frames of another one are refused
    applied BIGINT NOT NULL, -- number of the last frame that is in them whole
    rows BIGINT DEFAULT 0    -- and how many records of the next
);
INSERT INTO journal SELECT (random() * 9e15)::BIGINT, 0, 0 WHERE NOT EXISTS (FROM journal);
