select
    assumeNotNull(s.id)                                                 as ship_id,
    assumeNotNull(s.name)                                               as ship_name,
    assumeNotNull(s.type)                                               as ship_type,
    assumeNotNull(s.active)                                             as is_active,
    assumeNotNull(s.home_port)                                          as home_port,
    r.roles                                                             as roles
from {{ source('spacex', 'ships') }} as s
left join (
    select ships_id, arrayStringConcat(arraySort(groupArray(assumeNotNull(value))), ', ') as roles
    from {{ source('spacex', 'ships_roles') }}
    group by ships_id
) as r on r.ships_id = s.id
