-- Starlink satellites by launch: how many are up, how many came down and when.
{{ config(order_by='launched_at') }}

select
    l.launch_id                                                         as launch_id,
    l.launch_name                                                       as launch_name,
    l.launched_at                                                       as launched_at,
    any(s.version)                                                      as version,
    count()                                                             as satellites,
    countIf(not s.is_decayed)                                           as in_orbit,
    countIf(s.is_decayed)                                               as decayed,
    round(decayed / satellites, 4)                                      as decayed_share,
    min(s.decayed_on)                                                   as first_decay,
    max(s.decayed_on)                                                   as last_decay,
    round(avg(s.height_km), 1)                                          as average_height_km
from {{ ref('stg_starlink') }} as s
inner join {{ ref('stg_launches') }} as l on l.launch_id = s.launch_id
group by l.launch_id, l.launch_name, l.launched_at
