-- A booster's flights are numbered 1, 2, 3, … in the order of the launches.
select core_id, flight, place
from (
    select core_id, flight, row_number() over (partition by core_id order by launched_at) as place
    from {{ ref('stg_core_flights') }}
)
where flight != place
