-- A booster's flight: one row a booster and launch. A planned launch has rows without a booster; they are left out.
select
    assumeNotNull(c.launches_id)                    as launch_id,
    assumeNotNull(c.core)                           as core_id,
    assumeNotNull(c.flight)                         as flight,
    l.launched_at                                   as launched_at,
    l.launch_year                                   as launch_year,
    coalesce(c.reused, false)                       as is_reused,
    coalesce(c.landing_attempt, false)              as landing_attempt,
    coalesce(c.landing_success, false)              as landed,
    coalesce(c.landing_type, '')                    as landing_type,
    pad.name                                        as landpad_name
from {{ source('spacex', 'launches_cores') }} as c
inner join {{ ref('stg_launches') }} as l on l.launch_id = c.launches_id
left join {{ source('spacex', 'landpads') }} as pad on pad.id = c.landpad
where c.core is not null and not l.is_planned
