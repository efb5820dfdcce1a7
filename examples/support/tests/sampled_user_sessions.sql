-- A sample of UserSessions, field by field; see macros/sample.sql.
{{ differing_fields('UserSessions', source('warehouse', 'sample_user_sessions'), source('warehouse', 'user_sessions'), {'pages_visited': source('warehouse', 'user_sessions_pages_visited'), 'actions': source('warehouse', 'user_sessions_actions')}) }}
