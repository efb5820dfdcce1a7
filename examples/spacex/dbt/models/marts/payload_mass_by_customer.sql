-- Mass to orbit by customer; a payload's mass is shared by its customers. Secret payloads have no mass.
{{ config(order_by='customer') }}

select
    customer,
    uniqExact(payload_id)                                               as payloads,
    uniqExactIf(payload_id, p.mass_kg is null)                          as payloads_without_mass,
    uniqExact(launch_id)                                                as launches,
    round(coalesce(sum(p.mass_kg), 0), 3)                               as mass_kg,
    round(coalesce(max(p.mass_kg), 0), 3)                               as heaviest_kg
from {{ ref('stg_payload_customers') }} as p
group by customer
