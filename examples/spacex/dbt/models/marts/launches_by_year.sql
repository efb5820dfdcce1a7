-- Launches and how many succeeded, year by year.
{{ config(order_by='launch_year') }}

select
    launch_year,
    count()                                                             as launches,
    countIf(success)                                                    as successes,
    countIf(not success)                                                as failures,
    round(countIf(success) / count(), 4)                                as success_rate,
    sum(count()) over (order by launch_year)                            as launches_so_far
from {{ ref('stg_launches') }}
where not is_planned
group by launch_year
