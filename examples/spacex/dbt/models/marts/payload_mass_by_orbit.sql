-- Mass to orbit by orbit. Secret payloads have no mass.
{{ config(order_by='orbit') }}

select
    orbit,
    uniqExact(payload_id)                                               as payloads,
    uniqExactIf(payload_id, p.mass_kg is null)                          as payloads_without_mass,
    uniqExact(launch_id)                                                as launches,
    round(coalesce(sum(p.mass_kg), 0), 3)                               as mass_kg,
    round(coalesce(max(p.mass_kg), 0), 3)                               as heaviest_kg
from {{ ref('stg_payloads') }} as p
group by orbit
