-- What reached orbit: payloads of launches that succeeded, without suborbital ones.
select
    assumeNotNull(p.id)             as payload_id,
    assumeNotNull(p.name)           as payload_name,
    assumeNotNull(p.launch)         as launch_id,
    assumeNotNull(p.orbit)          as orbit,
    p.regime                        as regime,
    toFloat64(p.mass_kg)            as mass_kg,
    l.launched_at                   as launched_at
from {{ source('spacex', 'payloads') }} as p
inner join {{ ref('stg_launches') }} as l on l.launch_id = p.launch
where l.success and p.orbit is not null and p.orbit != 'SO'
