-- The highest id ever given: records may have been deleted since they were scored.
SELECT greatest((SELECT coalesce(max(id), 0) FROM logs),
                (SELECT coalesce(max(first_id + records - 1), 0) FROM ledger),
                (SELECT value FROM progress WHERE name = 'detected_id'))
