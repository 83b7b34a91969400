-- The file that a rejected line stood in; NULL: it did not come from a file.
ALTER TABLE rejected_logs ADD COLUMN file text;
