UPDATE templates SET group_id = n.group_id, template = n.template
FROM (SELECT unnest($1::BIGINT[]) AS template_id, unnest($2::BIGINT[]) AS group_id,
             unnest($3::VARCHAR[]) AS template) n
WHERE templates.template_id = n.template_id
