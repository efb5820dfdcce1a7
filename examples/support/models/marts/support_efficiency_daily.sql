-- Per day, issue and status: how soon tickets were answered and resolved. A ticket counts on the day when it was opened. A later run
-- computes the days again whose tickets are others now than those that it was computed from, and those with a ticket that waits, since
-- waiting breaks a target sooner or later. Times are real ones: the median is the time within which half of the tickets were served.
{{ config(materialized='incremental', unique_key='day', indexes=[{'columns': ['day', 'issue_type', 'status'], 'unique': true}],
          post_hook="delete from {{ this }} where day not in (select created_day from {{ ref('stg_tickets') }})") }}

with changed_days as (
    select day
    from (
        select created_day as day, sum(content_hash) as content_hash, bool_or(resolved_at is null) as waits
        from {{ ref('stg_tickets') }}
        group by created_day
    ) as tickets
    {% if is_incremental() %}
    full join (select day, sum(content_hash) as content_hash from {{ this }} group by day) as built using (day)
    where waits or tickets.content_hash is distinct from built.content_hash
    {% endif %}
),
tickets as (
    select
        tickets.*,
        round((extract(epoch from first_response_at - created_at) / 60)::numeric, 2) as response_minutes,
        round((extract(epoch from resolved_at - created_at) / 60)::numeric, 2)       as resolution_minutes,
        sla.first_response_minutes                                                   as response_target,
        sla.resolution_minutes                                                       as resolution_target,
        (select max(updated_at) from {{ ref('stg_tickets') }})                       as now
    from {{ ref('stg_tickets') }} as tickets
    join {{ ref('sla_targets') }} as sla using (issue_type)
    where created_day in (select day from changed_days)
)
select
    created_day                                                                            as day,
    issue_type,
    status,
    count(*)::bigint                                                                       as tickets,
    count(first_response_at)::bigint                                                       as answered,
    count(resolved_at)::bigint                                                             as resolved,
    (percentile_disc(0.5) within group (order by response_minutes))::numeric(12, 2)        as first_response_minutes_median,
    (percentile_disc(0.9) within group (order by response_minutes))::numeric(12, 2)        as first_response_minutes_p90,
    (percentile_disc(0.5) within group (order by resolution_minutes))::numeric(12, 2)      as resolution_minutes_median,
    (percentile_disc(0.9) within group (order by resolution_minutes))::numeric(12, 2)      as resolution_minutes_p90,
    round(avg(messages), 2)::numeric(10, 2)                                                as messages_per_ticket,
    count(*) filter (where reopenings > 0)::bigint                                         as reopened,
    round(count(*) filter (where reopenings > 0)::numeric / count(*), 4)::numeric(6, 4)    as reopen_rate,
    -- Who waits longer than the target has been failed already, whether or not an answer came later.
    count(*) filter (where coalesce(first_response_at, now) > created_at + response_target * interval '1 minute')::bigint
                                                                                           as first_response_breaches,
    count(*) filter (where coalesce(resolved_at, now) > created_at + resolution_target * interval '1 minute')::bigint
                                                                                           as resolution_breaches,
    max(updated_at)                                                                        as last_updated_at,
    sum(content_hash)                                                                      as content_hash
from tickets
group by created_day, issue_type, status
