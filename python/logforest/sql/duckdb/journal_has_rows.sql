SELECT 1 FROM duckdb_columns() WHERE table_name = 'journal' AND column_name = 'rows'
