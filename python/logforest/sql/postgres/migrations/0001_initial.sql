-- Tables of the server store. Column names are those of the embedded store.
-- Wide fixed columns come first: Postgres pads for alignment.
CREATE TYPE log_level AS ENUM ('DEBUG', 'INFO', 'WARN', 'ERROR', 'CRITICAL');
CREATE TYPE log_category AS ENUM ('General', 'Business', 'Performance', 'Security');

CREATE TABLE logs (
    id bigint NOT NULL,
    timestamp timestamptz NOT NULL,
    created_at timestamptz,
    template_id bigint,
    response_time double precision,
    level log_level NOT NULL,
    category log_category,
    status_code smallint,
    tenant text,
    service text,
    source text,
    message text COMPRESSION lz4 NOT NULL,
    endpoint text,
    method text,
    ip_address text,
    user_id text,
    trace_id text,
    span_id text,
    metadata json COMPRESSION lz4  -- json keeps the text as it came; jsonb refuses \u0000
) PARTITION BY RANGE (timestamp);

-- Lean on purpose: every further index on logs costs ingest. Ids grow with time, so BRIN finds
-- one in a few pages; newest-first with a filter needs the btree on timestamp (BRIN: 1.2 s).
CREATE INDEX logs_id ON logs USING brin (id) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX logs_timestamp ON logs (timestamp);
CREATE INDEX logs_service ON logs (service, timestamp);

-- Rows with times outside of the months that have a partition.
CREATE TABLE logs_default PARTITION OF logs DEFAULT;

-- Makes the partition of one month (UTC); rows that the default partition holds for it move over.
CREATE FUNCTION make_log_partition(month timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    lower_bound timestamptz := date_trunc('month', month AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    upper_bound timestamptz :=
        (date_trunc('month', month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    name text := 'logs_' || to_char(lower_bound AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- One maker at a time; readers and writers of other partitions go on.
    PERFORM pg_advisory_xact_lock(7310, 1);
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE logs INCLUDING DEFAULTS INCLUDING COMPRESSION)', name);
    EXECUTE format('ALTER TABLE %I ADD CHECK (timestamp >= %L AND timestamp < %L)',
                   name, lower_bound, upper_bound);
    -- Inserts into the default partition wait until the new one is attached.
    LOCK TABLE logs_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('WITH moved AS (DELETE FROM logs_default WHERE timestamp >= %L '
                   'AND timestamp < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                   lower_bound, upper_bound, name);
    EXECUTE format('ALTER TABLE logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, lower_bound, upper_bound);
    RETURN true;
END $$;

-- Months from `since` to `ahead` months after now. Returns how many were made.
CREATE FUNCTION make_log_partitions(since timestamptz, ahead integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month timestamptz := date_trunc('month', since AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    made integer := 0;
BEGIN
    WHILE month <= now() + make_interval(months => ahead) LOOP
        IF make_log_partition(month) THEN
            made := made + 1;
        END IF;
        month := (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    END LOOP;
    RETURN made;
END $$;
SELECT make_log_partitions(now() - interval '1 month', 3);

-- Lines that could not be read: data too. block is the key of the commit they came with.
CREATE TABLE rejected_logs (
    line bigint NOT NULL,
    "offset" bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    block text NOT NULL,
    reason text NOT NULL,
    text text NOT NULL
);
CREATE INDEX rejected_logs_created ON rejected_logs USING brin (created_at);

-- Deltas of one minute each: workers only append (no two ever wait for one row), readers merge,
-- compaction folds old ones together.
CREATE TABLE windows (
    window_start timestamptz NOT NULL,
    count bigint NOT NULL,
    error_count bigint NOT NULL,
    response_time_count bigint NOT NULL,
    response_time_sum double precision,
    response_time_sumsq double precision,
    response_time_min double precision,
    response_time_max double precision,
    level log_level,
    category log_category,
    tenant text,
    service text,
    state bytea NOT NULL           -- exact, mergeable (WindowTable.partials)
);
CREATE INDEX windows_start ON windows (window_start);

CREATE TABLE templates (
    template_id bigint PRIMARY KEY,
    template text NOT NULL,
    example text NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE anomalies (
    id bigint GENERATED ALWAYS AS IDENTITY,
    log_id bigint NOT NULL,
    timestamp timestamptz NOT NULL,
    detected_at timestamptz NOT NULL DEFAULT now(),
    alerted_at timestamptz,       -- when alerting dealt with it
    window_start timestamptz,
    window_end timestamptz,
    incident_start timestamptz,
    template_id bigint,
    anomaly_score double precision NOT NULL,
    confidence double precision NOT NULL,
    actual double precision,
    expected double precision,
    kind text NOT NULL,
    tenant text,
    service text,
    level text,
    message text,
    severity text NOT NULL,
    model_version text NOT NULL,
    template text,
    reason text,
    reasons text,                 -- JSON array of sentences
    samples text,                 -- JSON array of messages
    features_used text,           -- JSON array of {feature, value, expected, contribution}
    PRIMARY KEY (log_id, model_version, kind)
);
CREATE UNIQUE INDEX anomalies_id ON anomalies (id);
CREATE INDEX anomalies_timestamp ON anomalies (timestamp, id);
CREATE INDEX anomalies_new ON anomalies (id) WHERE alerted_at IS NULL;

CREATE TABLE alert_rules (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    tenant text,
    definition text NOT NULL,     -- JSON
    enabled boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alerts (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    count bigint NOT NULL DEFAULT 1,
    triggered_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    resolved_at timestamptz,
    alert_type text NOT NULL,
    severity text NOT NULL,
    tenant text,
    service text,
    condition text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
    fingerprint text NOT NULL
);
-- What is not resolved exists once per fingerprint: repeats count up.
CREATE UNIQUE INDEX alerts_open ON alerts (fingerprint) WHERE status <> 'resolved';
CREATE INDEX alerts_triggered ON alerts (triggered_at);

-- Outbox: written in the transaction of its alert, drained by the notifiers.
CREATE TABLE notifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    channel text NOT NULL,
    dedup_key text NOT NULL,
    payload text NOT NULL,        -- JSON
    last_error text,
    UNIQUE (channel, dedup_key)
);
CREATE INDEX notifications_due ON notifications (next_attempt_at) WHERE sent_at IS NULL;

CREATE TABLE insights (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_id bigint,
    log_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL,         -- disabled, pending, done, analysis_failed
    model text,
    summary text,
    details text,                 -- JSON
    UNIQUE (template_id)
);

CREATE TABLE models (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trained_at timestamptz NOT NULL DEFAULT now(),
    share double precision NOT NULL DEFAULT 0,  -- of the traffic it scores
    name text NOT NULL,
    version text NOT NULL,
    metrics text,                 -- JSON
    data bytea NOT NULL,          -- the library's own safe format
    UNIQUE (name, version)
);

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    token_epoch bigint NOT NULL DEFAULT 0,      -- raised to revoke all tokens
    disabled boolean NOT NULL DEFAULT false,
    name text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    tenant text
);

CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    name text NOT NULL,
    key_hash text NOT NULL UNIQUE,
    role text NOT NULL,
    tenant text NOT NULL
);

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    target text,
    details text                  -- JSON
);

-- One row per block (and per idempotency key, and per single entry of other producers) that must
-- never be committed twice.
CREATE TABLE ledger (
    first_id bigint NOT NULL,
    records bigint NOT NULL,
    rejected bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    key text PRIMARY KEY,
    digest text NOT NULL,
    answer text NOT NULL
);
CREATE INDEX ledger_committed ON ledger USING brin (committed_at);

-- Entries that Redis itself lost before they were stored (trimmed, deleted, flushed).
CREATE TABLE lost_entries (
    noticed_at timestamptz NOT NULL DEFAULT now(),
    alerted_at timestamptz,
    queue_group text NOT NULL,
    entry_id text NOT NULL,
    PRIMARY KEY (queue_group, entry_id)
);

-- Small facts: where the numbering of direct writes stands.
CREATE TABLE progress (
    name text PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO progress VALUES ('direct_id', 0), ('detected_id', 0);

-- How long logs are kept, in days; the most specific rule wins, no rule: for ever.
CREATE TABLE retention_rules (
    days integer NOT NULL CHECK (days > 0),
    tenant text,                  -- NULL: all tenants
    level log_level,              -- NULL: all levels
    UNIQUE NULLS NOT DISTINCT (tenant, level)
);
