-- Launches and how many succeeded, by launch pad.
{{ config(order_by='pad_name') }}

select
    pad_name,
    any(pad_region)                                                     as region,
    countIf(not is_planned)                                             as launches,
    countIf(success)                                                    as successes,
    countIf(not success)                                                as failures,
    if(launches = 0, 0, round(successes / launches, 4))                 as success_rate,
    countIf(is_planned)                                                 as planned,
    minIf(toDate(launched_at), not is_planned)                          as first_launch,
    maxIf(toDate(launched_at), not is_planned)                          as last_launch
from {{ ref('stg_launches') }}
group by pad_name
