-- A row a ticket with the times that its messages tell: the first answer, the latest resolution that was not undone.
with messages as (
    select
        document_id,
        count(*) filter (where sender <> 'system')     as messages,
        min(sent_at) filter (where sender = 'agent')   as first_response_at,
        max(sent_at) filter (where is_resolution)      as last_resolution_at,
        max(sent_at) filter (where is_reopening)       as last_reopening_at,
        count(*) filter (where is_reopening)           as reopenings
    from {{ ref('stg_messages') }}
    group by 1
)
select
    ticket_id,
    user_id,
    issue_type,
    status,
    created_at,
    updated_at,
    (created_at at time zone 'UTC')::date  as created_day,
    coalesce(messages.messages, 0)         as messages,
    coalesce(messages.reopenings, 0)       as reopenings,
    messages.first_response_at,
    case when last_reopening_at is null or last_resolution_at > last_reopening_at then last_resolution_at end as resolved_at,
    -- Of all that the marts look at: every run reads all tickets again, so that when one was read does not tell whether it changed.
    hashtextextended(row(ticket_id, issue_type, status, created_at, updated_at, messages.*)::text, 0)::numeric as content_hash
from {{ source('warehouse', 'support_tickets') }} as tickets
left join messages on messages.document_id = tickets._id
