-- A sample of ModerationQueue, field by field; see macros/sample.sql.
{{ differing_fields('ModerationQueue', source('warehouse', 'sample_moderation_queue'), source('warehouse', 'moderation_queue'), {'flags': source('warehouse', 'moderation_queue_flags')}) }}
