INSERT INTO logs
SELECT id, tenant, timestamp, level, service, source, message, endpoint, method, status_code,
       response_time, ip_address, user_id, trace_id, span_id, category, template_id, metadata,
       created_at
FROM incoming_logs
