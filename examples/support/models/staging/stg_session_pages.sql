-- How many pages each visit saw.
select "UserSessions__id" as document_id, count(*) as pages, max(_weir_extracted_at) as extracted_at
from {{ source('warehouse', 'user_sessions_pages_visited') }}
group by 1
