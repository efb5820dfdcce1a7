-- A ship that was out for a launch that happened, and what came back of that launch by sea.
select
    assumeNotNull(o.value)                                              as ship_id,
    l.launch_id                                                         as launch_id,
    l.launch_year                                                       as launch_year,
    coalesce(f.attempts, 0)                                             as booster_attempts,
    coalesce(f.landings, 0)                                             as booster_landings,
    (l.launch_id, assumeNotNull(o.value)) in (
        select (assumeNotNull(launches_id), assumeNotNull(value)) from {{ source('spacex', 'launches_fairings_ships') }}
    ) and coalesce(l.fairing_recovered, false)                          as fairing_recovered,
    l.launch_id in (select assumeNotNull(launches_id) from {{ source('spacex', 'launches_capsules') }}) as has_dragon
from {{ source('spacex', 'launches_ships') }} as o
inner join {{ ref('stg_launches') }} as l on l.launch_id = o.launches_id
left join (
    select launch_id, countIf(landing_attempt) as attempts, countIf(landed) as landings
    from {{ ref('stg_core_flights') }}
    where landing_type = 'ASDS'
    group by launch_id
) as f on f.launch_id = l.launch_id
where not l.is_planned
