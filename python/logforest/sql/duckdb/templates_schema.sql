-- Fingerprints of messages (logs.template_id) and the template that each belongs to. Kept by
-- stores/duckdb_templates.py behind the commits; made when absent, also in older files.
CREATE TABLE IF NOT EXISTS templates (
    template_id BIGINT PRIMARY KEY,  -- the fingerprint
    group_id BIGINT,                 -- smallest fingerprint of its template; NULL: not grouped yet
    template VARCHAR NOT NULL,       -- of the whole group
    example VARCHAR NOT NULL,        -- the first message seen
    count BIGINT NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL
);
-- The last record that is counted there.
INSERT INTO progress VALUES ('templates_id', 0) ON CONFLICT DO NOTHING;
