-- Ends sessions of ours that were silent for $1 seconds inside a transaction (idle, or in the
-- middle of a COPY) and hold locks for which others wait. No timeout of Postgres ends the COPY.
SELECT s.application_name, s.pid, pg_terminate_backend(s.pid) AS ended
FROM pg_stat_activity s
WHERE s.datname = current_database()
  AND s.usename = current_user
  AND s.application_name LIKE 'logforest-%'
  AND s.pid <> pg_backend_pid()
  AND s.wait_event = 'ClientRead'
  AND s.state <> 'idle'
  AND s.state_change < clock_timestamp() - $1::float8 * interval '1 s'
  AND s.pid IN (
      SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_stat_activity w
      WHERE w.datname = current_database() AND w.wait_event_type = 'Lock'
  )
