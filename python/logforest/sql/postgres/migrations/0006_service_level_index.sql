-- online
-- replaces: 520782ffd33fb6211ac3eae1bcc0714769eef095ccb4783b25ec459b191c945a
-- The latest of a service and level: errors are few, and all of a service had to be read for them.
-- Those of a service whatever their level are the latest of its five (stores/postgres_latest.py).
CREATE INDEX CONCURRENTLY logs_service_level ON logs (service, level, timestamp);
DROP INDEX logs_service;
