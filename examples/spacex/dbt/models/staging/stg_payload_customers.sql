-- Customers of a payload, each with an equal share of its mass.
select
    p.payload_id                                                        as payload_id,
    p.launch_id                                                         as launch_id,
    assumeNotNull(c.value)                                              as customer,
    p.mass_kg / count() over (partition by p.payload_id)                as mass_kg
from {{ ref('stg_payloads') }} as p
inner join {{ source('spacex', 'payloads_customers') }} as c on c.payloads_id = p.payload_id
