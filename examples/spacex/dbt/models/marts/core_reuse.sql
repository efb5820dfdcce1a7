-- Boosters that flew: how often, how they landed, and how quickly they flew again.
{{ config(order_by='core_serial') }}

with flights as (
    select
        core_id,
        launched_at,
        landing_attempt,
        landed,
        if(flight = 1, null, dateDiff('second', lagInFrame(launched_at) over (partition by core_id order by flight), launched_at) / 86400) as turnaround_days
    from {{ ref('stg_core_flights') }}
)
select
    c.core_serial                                                       as core_serial,
    any(c.block)                                                        as block,
    any(c.status)                                                       as status,
    count()                                                             as flights,
    count() - 1                                                         as reflights,
    countIf(f.landing_attempt)                                          as landing_attempts,
    countIf(f.landed)                                                   as landings,
    toDate(min(f.launched_at))                                          as first_flight,
    toDate(max(f.launched_at))                                          as last_flight,
    round(min(f.turnaround_days), 2)                                    as fastest_turnaround_days,
    round(avg(f.turnaround_days), 2)                                    as average_turnaround_days
from flights as f
inner join {{ ref('stg_cores') }} as c on c.core_id = f.core_id
group by c.core_serial
