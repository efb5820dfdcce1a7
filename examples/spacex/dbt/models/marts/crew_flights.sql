-- Who flew when and as what: one row a seat.
{{ config(order_by='(launched_at, person)') }}

select
    concat(l.launch_id, '/', assumeNotNull(p.id))                       as seat_id,
    l.launch_name                                                       as launch_name,
    l.launched_at                                                       as launched_at,
    assumeNotNull(p.name)                                               as person,
    assumeNotNull(p.agency)                                             as agency,
    assumeNotNull(c.role)                                               as role,
    dragon.serial                                                       as capsule_serial,
    row_number() over (partition by p.id order by l.launched_at)        as flight_of_person
from {{ source('spacex', 'launches_crew') }} as c
inner join {{ source('spacex', 'crew') }} as p on p.id = c.crew
inner join {{ ref('stg_launches') }} as l on l.launch_id = c.launches_id
left join (
    select lc.launches_id as launch_id, any(d.serial) as serial
    from {{ source('spacex', 'launches_capsules') }} as lc
    inner join {{ source('spacex', 'capsules') }} as d on d.id = lc.value
    group by lc.launches_id
) as dragon on dragon.launch_id = l.launch_id
where not l.is_planned
