-- Ships at sea by year: how often they were out, and what came back of those launches.
{{ config(order_by='(ship_name, launch_year)') }}

select
    concat(s.ship_name, ' ', toString(o.launch_year))                   as ship_year,
    s.ship_name                                                         as ship_name,
    s.ship_type                                                         as ship_type,
    s.roles                                                             as roles,
    s.is_active                                                         as is_active,
    o.launch_year                                                       as launch_year,
    count()                                                             as outings,
    sum(o.booster_attempts)                                             as booster_attempts,
    sum(o.booster_landings)                                             as booster_landings,
    countIf(o.fairing_recovered)                                        as fairings_recovered,
    countIf(o.has_dragon)                                               as dragon_missions
from {{ ref('stg_ship_outings') }} as o
inner join {{ ref('stg_ships') }} as s on s.ship_id = o.ship_id
group by s.ship_name, s.ship_type, s.roles, s.is_active, o.launch_year
