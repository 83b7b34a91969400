-- The latest of a service and level: errors are few, and all of a service had to be read for them.
-- Those of a service whatever their level are the latest of its five (stores/postgres_latest.py).
-- Writers wait while the new index is built, about a second for a million records.
CREATE INDEX logs_service_level ON logs (service, level, timestamp);
DROP INDEX logs_service;
