SELECT 1 FROM duckdb_columns()
WHERE table_name = 'rejected_logs' AND column_name = 'file'
