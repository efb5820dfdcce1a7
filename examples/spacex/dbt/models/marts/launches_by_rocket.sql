-- Launches and how many succeeded, by kind of rocket.
{{ config(order_by='rocket_name') }}

select
    rocket_name,
    countIf(not is_planned)                                             as launches,
    countIf(success)                                                    as successes,
    countIf(not success)                                                as failures,
    if(launches = 0, 0, round(successes / launches, 4))                 as success_rate,
    countIf(is_planned)                                                 as planned,
    minIf(toDate(launched_at), not is_planned)                          as first_launch,
    maxIf(toDate(launched_at), not is_planned)                          as last_launch
from {{ ref('stg_launches') }}
group by rocket_name
