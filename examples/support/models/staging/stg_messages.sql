-- A row a message. The system's own messages say when a ticket was resolved and when it was reopened.
select
    "SupportTickets__id"                                as document_id,
    position,
    sender,
    at                                                  as sent_at,
    sender = 'system' and text = 'Ticket resolved'      as is_resolution,
    sender = 'system' and text = 'Ticket reopened'      as is_reopening
from {{ source('warehouse', 'support_ticket_messages') }}
