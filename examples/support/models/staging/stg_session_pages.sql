-- How many pages each visit saw.
select "UserSessions__id" as document_id, count(*) as pages
from {{ source('warehouse', 'user_sessions_pages_visited') }}
group by 1
