-- What each user did on each day. A later run computes the days again whose rows changed since, however old they are: devices report
-- late, and the proof mends what was changed or deleted behind a cursor. Such a day has other rows, or rows that were read later.
{{ config(materialized='incremental', unique_key='day', indexes=[{'columns': ['day', 'user_id'], 'unique': true}],
          post_hook="delete from {{ this }} where day not in (select day from {{ ref('stg_activity_days') }})") }}

with changed_days as (
    select day from {{ ref('stg_activity_days') }} as sources
    {% if is_incremental() %}
    full join (
        select day, sum(sessions + pages + actions + searches + events) as source_rows, max(extracted_at) as extracted_at
        from {{ this }}
        group by day
    ) as built using (day)
    where (sources.source_rows, sources.extracted_at) is distinct from (built.source_rows, built.extracted_at)
    {% endif %}
),
sessions as (
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
        count(distinct s.device)                    as devices,
        max(greatest(s.extracted_at, p.extracted_at, a.extracted_at)) as extracted_at
    from {{ ref('stg_sessions') }} as s
    left join {{ ref('stg_session_pages') }} as p on p.document_id = s.document_id
    left join {{ ref('stg_session_actions') }} as a on a.document_id = s.document_id
    where s.day in (select day from changed_days)
    group by s.day, s.user_id
),
searches as (
    select
        day,
        user_id,
        count(*)                                    as searches,
        count(*) filter (where results > 0)         as searches_with_results,
        max(extracted_at)                           as extracted_at
    from {{ ref('stg_searches') }}
    where day in (select day from changed_days)
    group by day, user_id
),
events as (
    select
        day,
        user_id,
        count(*)                                        as events,
        count(*) filter (where event_type = 'error')    as errors,
        max(extracted_at)                               as extracted_at
    from {{ ref('stg_events') }}
    where user_id is not null and day in (select day from changed_days)
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
    coalesce(errors, 0)::bigint                 as errors,
    greatest(sessions.extracted_at, searches.extracted_at, events.extracted_at) as extracted_at
from sessions
full join searches using (day, user_id)
full join events using (day, user_id)
