-- A sample of SupportTickets, field by field; see macros/sample.sql.
{{ differing_fields('SupportTickets', source('warehouse', 'sample_support_tickets'), source('warehouse', 'support_tickets'), {'messages': source('warehouse', 'support_ticket_messages')}) }}
