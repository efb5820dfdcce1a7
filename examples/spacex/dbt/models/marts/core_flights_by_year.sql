-- New and reused boosters, landings and turnaround, year by year.
{{ config(order_by='launch_year') }}

with flights as (
    select
        launch_year,
        is_reused,
        landing_attempt,
        landed,
        landing_type,
        if(flight = 1, null, dateDiff('second', lagInFrame(launched_at) over (partition by core_id order by flight), launched_at) / 86400) as turnaround_days
    from {{ ref('stg_core_flights') }}
)
select
    launch_year,
    count()                                                             as flights,
    countIf(not is_reused)                                              as first_flights,
    countIf(is_reused)                                                  as reflights,
    countIf(landing_attempt)                                            as landing_attempts,
    countIf(landed)                                                     as landings,
    countIf(landed and landing_type = 'ASDS')                           as landings_at_sea,
    countIf(landed and landing_type = 'RTLS')                           as landings_on_land,
    round(min(turnaround_days), 2)                                      as fastest_turnaround_days,
    round(avg(turnaround_days), 2)                                      as average_turnaround_days
from flights
group by launch_year
