-- What search segments are made of, in the columns of records.
SELECT id, tenant, timestamp, level::text, service, source, message, NULL::text AS endpoint,
       NULL::text AS method, status_code, NULL::float8 AS response_time, NULL::text AS ip_address,
       NULL::text AS user_id, NULL::text AS trace_id, NULL::text AS span_id, category::text,
       template_id, NULL::text AS metadata, NULL::timestamptz AS created_at
FROM logs WHERE {where}
