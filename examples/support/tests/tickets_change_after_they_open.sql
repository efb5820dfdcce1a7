-- Tickets that were changed, answered or resolved before they were opened.
select * from {{ ref('stg_tickets') }}
where updated_at < created_at or first_response_at < created_at or resolved_at < created_at
