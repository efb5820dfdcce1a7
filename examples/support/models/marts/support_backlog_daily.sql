-- Per day and issue: tickets that were opened, resolved, and not yet resolved at the day's end.
{{ config(materialized='table', indexes=[{'columns': ['day', 'issue_type'], 'unique': true}]) }}

with days as (
    select generate_series(min(created_day), max((updated_at at time zone 'UTC')::date), interval '1 day')::date as day
    from {{ ref('stg_tickets') }}
),
opened as (select created_day as day, issue_type, count(*) as tickets from {{ ref('stg_tickets') }} group by 1, 2),
resolved as (
    select (resolved_at at time zone 'UTC')::date as day, issue_type, count(*) as tickets
    from {{ ref('stg_tickets') }}
    where resolved_at is not null
    group by 1, 2
)
select
    days.day,
    issues.issue_type,
    coalesce(opened.tickets, 0)::bigint     as opened,
    coalesce(resolved.tickets, 0)::bigint   as resolved,
    sum(coalesce(opened.tickets, 0) - coalesce(resolved.tickets, 0))
        over (partition by issues.issue_type order by days.day)::bigint as backlog
from days
cross join {{ ref('sla_targets') }} as issues
left join opened on opened.day = days.day and opened.issue_type = issues.issue_type
left join resolved on resolved.day = days.day and resolved.issue_type = issues.issue_type
