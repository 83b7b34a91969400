SELECT id, tenant, timestamp, level::text, service, source, message, endpoint, method, status_code,
       response_time, ip_address, user_id, trace_id, span_id, category::text, template_id, metadata,
       created_at
FROM {source} {where} ORDER BY timestamp {order}, id {order} {limit}
