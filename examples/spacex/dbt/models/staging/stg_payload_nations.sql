-- Nations of a payload, each with an equal share of its mass.
select
    p.payload_id                                                        as payload_id,
    p.launch_id                                                         as launch_id,
    assumeNotNull(n.value)                                              as nation,
    p.mass_kg / count() over (partition by p.payload_id)                as mass_kg
from {{ ref('stg_payloads') }} as p
inner join {{ source('spacex', 'payloads_nationalities') }} as n on n.payloads_id = p.payload_id
