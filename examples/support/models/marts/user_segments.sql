-- How many users each segment has, and what they do.
{{ config(materialized='table') }}

select
    segment,
    count(*)::bigint                                     as users,
    round(count(*) / sum(count(*)) over (), 4)::numeric(6, 4) as share_of_users,
    sum(sessions)::bigint                                as sessions,
    sum(purchases)::bigint                               as purchases,
    round(avg(active_days), 2)::numeric(10, 2)           as average_active_days
from {{ ref('user_activity') }}
group by segment
