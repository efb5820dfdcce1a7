-- What each user did on each day. Later runs look again at the last three days that are there, since devices report late.
{{ config(materialized='incremental', unique_key='day', indexes=[{'columns': ['day', 'user_id'], 'unique': true}]) }}
{% set since = "(select max(day) - 3 from " ~ this ~ ")" %}

with sessions as (
    select
        s.day,
        s.user_id,
        count(*)                                    as sessions,
        coalesce(sum(s.seconds), 0)                 as seconds,
        coalesce(sum(p.pages), 0)                   as pages,
        coalesce(sum(a.actions), 0)                 as actions,
        coalesce(sum(a.views), 0)                   as views,
        coalesce(sum(a.clicks), 0)                  as clicks,
        coalesce(sum(a.cart_changes), 0)            as cart_changes,
        coalesce(sum(a.purchases), 0)               as purchases,
        coalesce(sum(a.recommendations), 0)         as recommendations,
        count(distinct s.device)                    as devices
    from {{ ref('stg_sessions') }} as s
    left join {{ ref('stg_session_pages') }} as p on p.document_id = s.document_id
    left join {{ ref('stg_session_actions') }} as a on a.document_id = s.document_id
    {% if is_incremental() %}where s.day >= {{ since }}{% endif %}
    group by s.day, s.user_id
),
searches as (
    select day, user_id, count(*) as searches, count(*) filter (where results > 0) as searches_with_results
    from {{ ref('stg_searches') }}
    {% if is_incremental() %}where day >= {{ since }}{% endif %}
    group by day, user_id
),
events as (
    select day, user_id, count(*) as events, count(*) filter (where event_type = 'error') as errors
    from {{ ref('stg_events') }}
    where user_id is not null {% if is_incremental() %}and day >= {{ since }}{% endif %}
    group by day, user_id
)
select
    day,
    user_id,
    coalesce(sessions, 0)::bigint               as sessions,
    round(coalesce(seconds, 0) / 60, 2)::numeric(12, 2) as minutes,
    coalesce(pages, 0)::bigint                  as pages,
    coalesce(actions, 0)::bigint                as actions,
    coalesce(views, 0)::bigint                  as views,
    coalesce(clicks, 0)::bigint                 as clicks,
    coalesce(cart_changes, 0)::bigint           as cart_changes,
    coalesce(purchases, 0)::bigint              as purchases,
    coalesce(recommendations, 0)::bigint        as recommendations,
    coalesce(devices, 0)::bigint                as devices,
    coalesce(searches, 0)::bigint               as searches,
    coalesce(searches_with_results, 0)::bigint  as searches_with_results,
    coalesce(events, 0)::bigint                 as events,
    coalesce(errors, 0)::bigint                 as errors
from sessions
full join searches using (day, user_id)
full join events using (day, user_id)
