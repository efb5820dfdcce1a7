-- A sample of EventLogs, field by field; see macros/sample.sql.
{{ differing_fields('EventLogs', source('warehouse', 'sample_event_logs'), source('warehouse', 'event_logs'), {}) }}
