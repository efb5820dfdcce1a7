-- How many rows each day's activity comes from, and when the newest of them was read: what a later run tells a changed day by.
select day, sum(source_rows) as source_rows, max(extracted_at) as extracted_at
from (
    select
        s.day,
        1 + coalesce(p.pages, 0) + coalesce(a.actions, 0)           as source_rows,
        greatest(s.extracted_at, p.extracted_at, a.extracted_at)    as extracted_at
    from {{ ref('stg_sessions') }} as s
    left join {{ ref('stg_session_pages') }} as p on p.document_id = s.document_id
    left join {{ ref('stg_session_actions') }} as a on a.document_id = s.document_id
    union all
    select day, 1, extracted_at from {{ ref('stg_searches') }}
    union all
    select day, 1, extracted_at from {{ ref('stg_events') }} where user_id is not null
) as sources
where day is not null
group by day
