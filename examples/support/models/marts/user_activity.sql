-- Every user: how active, how recently, and in which segment. Recency is seen from the last day that has any activity.
{{ config(materialized='table', indexes=[{'columns': ['user_id'], 'unique': true}]) }}

with today as (select max(day) as day from {{ ref('user_activity_daily') }}),
active as (
    select
        user_id,
        min(day)                        as first_day,
        max(day)                        as last_day,
        count(*)                        as active_days,
        sum(sessions)                   as sessions,
        sum(minutes)                    as minutes,
        sum(purchases)                  as purchases,
        sum(searches)                   as searches,
        sum(searches_with_results)      as searches_with_results
    from {{ ref('user_activity_daily') }}
    group by user_id
)
select
    users.user_id,
    active.first_day,
    active.last_day,
    today.day - active.last_day                         as recency_days,
    coalesce(active.active_days, 0)::bigint             as active_days,
    coalesce(active.sessions, 0)::bigint                as sessions,
    coalesce(active.minutes, 0)::numeric(14, 2)         as minutes,
    coalesce(active.purchases, 0)::bigint               as purchases,
    coalesce(active.searches, 0)::bigint                as searches,
    round(active.searches_with_results::numeric / nullif(active.searches, 0), 4)::numeric(6, 4) as search_success_rate,
    case
        when active.user_id is null then 'never seen'
        when today.day - active.last_day > 30 then 'lost'
        when today.day - active.last_day > 14 then 'fading'
        when today.day - active.first_day <= 14 then 'new'
        when active.active_days >= 20 then 'regular'
        else 'occasional'
    end as segment
from {{ ref('stg_users') }} as users
cross join today
left join active on active.user_id = users.user_id
