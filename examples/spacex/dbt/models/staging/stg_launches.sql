-- Launches with their rocket and pad by name. success is null while a launch is planned.
select
    assumeNotNull(l.id)                                             as launch_id,
    assumeNotNull(l.flight_number)                                  as flight_number,
    assumeNotNull(l.name)                                           as launch_name,
    parseDateTimeBestEffort(assumeNotNull(l.date_utc), 'UTC')       as launched_at,
    toInt32(substring(assumeNotNull(l.date_utc), 1, 4))             as launch_year,
    assumeNotNull(l.upcoming)                                       as is_planned,
    l.success                                                       as success,
    assumeNotNull(r.name)                                           as rocket_name,
    r.cost_per_launch                                               as cost_per_launch,
    assumeNotNull(p.name)                                           as pad_name,
    assumeNotNull(p.region)                                         as pad_region,
    l.fairings_recovery_attempt                                     as fairing_recovery_attempt,
    l.fairings_recovered                                            as fairing_recovered
from {{ source('spacex', 'launches') }} as l
inner join {{ source('spacex', 'rockets') }} as r on r.id = l.rocket
inner join {{ source('spacex', 'launchpads') }} as p on p.id = l.launchpad
