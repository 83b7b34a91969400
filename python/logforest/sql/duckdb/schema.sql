-- Tables of the embedded store. Times are UTC microseconds (the connection runs in UTC).
-- No index on logs: DuckDB prunes by the min/max of each row group, and ids and times grow
-- together; an index would cost more at ingest than it saves.
CREATE TYPE log_level AS ENUM ('DEBUG', 'INFO', 'WARN', 'ERROR', 'CRITICAL');
CREATE TYPE log_category AS ENUM ('General', 'Business', 'Performance', 'Security');

CREATE TABLE logs (
    id BIGINT NOT NULL,
    tenant VARCHAR,
    timestamp TIMESTAMPTZ NOT NULL,
    level log_level NOT NULL,
    service VARCHAR,
    source VARCHAR,
    message VARCHAR NOT NULL USING COMPRESSION zstd,  -- smaller, and few rows are read faster
    endpoint VARCHAR,
    method VARCHAR,
    status_code SMALLINT,
    response_time DOUBLE,
    ip_address VARCHAR,
    user_id VARCHAR,
    trace_id VARCHAR,
    span_id VARCHAR,
    category log_category,
    template_id BIGINT,
    metadata VARCHAR USING COMPRESSION zstd,  -- 25 bytes a row less than the default
    created_at TIMESTAMPTZ
);

-- Lines that could not be read: data too. block is the key of the commit they came with.
CREATE TABLE rejected_logs (
    block VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    file VARCHAR                     -- where the line stood; NULL: it did not come from a file
);

-- Deltas of one minute each; readers merge them, compaction folds old ones together.
CREATE TABLE windows (
    window_start TIMESTAMPTZ NOT NULL,
    tenant VARCHAR,
    service VARCHAR,
    level log_level,
    category log_category,
    count BIGINT NOT NULL,
    error_count BIGINT NOT NULL,
    response_time_count BIGINT NOT NULL,
    response_time_sum DOUBLE,
    response_time_sumsq DOUBLE,
    response_time_min DOUBLE,
    response_time_max DOUBLE,
    state BLOB NOT NULL              -- response times exactly, for merging and quantiles
);

CREATE SEQUENCE anomaly_ids;
CREATE TABLE anomalies (
    id BIGINT NOT NULL DEFAULT nextval('anomaly_ids'),
    log_id BIGINT NOT NULL,
    timestamp TIMESTAMPTZ NOT NULL,
    tenant VARCHAR,
    service VARCHAR,
    level VARCHAR,
    message VARCHAR,
    kind VARCHAR NOT NULL,
    anomaly_score DOUBLE NOT NULL,
    severity VARCHAR NOT NULL,
    confidence DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    template_id BIGINT,
    template VARCHAR,
    features_used STRUCT(feature VARCHAR, value DOUBLE, expected DOUBLE, contribution DOUBLE)[],
    actual DOUBLE,
    expected DOUBLE,
    reason VARCHAR,
    reasons VARCHAR[],
    samples VARCHAR[],
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    incident_start TIMESTAMPTZ,
    detected_at TIMESTAMPTZ NOT NULL
);

CREATE SEQUENCE alert_ids;
CREATE TABLE alerts (
    id BIGINT PRIMARY KEY DEFAULT nextval('alert_ids'),
    alert_type VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    tenant VARCHAR,
    service VARCHAR,
    condition VARCHAR NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
    triggered_at TIMESTAMPTZ NOT NULL,
    acknowledged_at TIMESTAMPTZ,
    resolved_at TIMESTAMPTZ,
    count BIGINT NOT NULL DEFAULT 1,
    fingerprint VARCHAR NOT NULL
);

-- One row per committed block that must never be committed twice.
CREATE TABLE ledger (
    key VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    first_id BIGINT NOT NULL,
    records BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    answer VARCHAR NOT NULL,         -- what the client was told, to be told again
    committed_at TIMESTAMPTZ NOT NULL
);

-- Small facts: schema version, how far detection came.
CREATE TABLE progress (
    name VARCHAR PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO progress VALUES ('schema_version', 1), ('detected_id', 0);
