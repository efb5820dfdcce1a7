-- A row a search. The count is a number in most documents and a text in some: digits count as their number, other texts are
-- unknown.
select
    query_id,
    user_id,
    ("timestamp" at time zone 'UTC')::date as day,
    query_text,
    case when trim(both '"' from results_count::text) ~ '^[0-9]+$'
         then trim(both '"' from results_count::text)::bigint end as results,
    _weir_extracted_at                     as extracted_at
from {{ source('warehouse', 'search_queries') }}
