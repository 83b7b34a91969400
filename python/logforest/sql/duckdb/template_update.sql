UPDATE templates SET count = templates.count + c.count,
                     first_seen = least(templates.first_seen, c.first_seen),
                     last_seen = greatest(templates.last_seen, c.last_seen)
FROM template_counts c WHERE templates.template_id = c.template_id
