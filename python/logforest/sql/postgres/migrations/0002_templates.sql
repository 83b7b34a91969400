-- Fingerprints (logs.template_id) belong to templates: mined behind the commits, so grouping them
-- again never touches a log. template is the text of the whole group, example the first message.
ALTER TABLE templates
    ADD COLUMN group_id bigint,   -- smallest fingerprint of its template; NULL: not grouped yet
    ADD COLUMN count bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_seen timestamptz,
    SET (fillfactor = 70);        -- counts are updated in place
CREATE INDEX templates_group ON templates (group_id);
CREATE INDEX templates_ungrouped ON templates (template_id) WHERE group_id IS NULL;
