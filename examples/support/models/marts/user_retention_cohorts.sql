-- Of the users who came first in a week (Monday to Sunday), how many came in each week after it.
{{ config(materialized='table', indexes=[{'columns': ['cohort_week', 'weeks_since'], 'unique': true}]) }}

with weeks as (
    select distinct user_id, date_trunc('week', day::timestamp)::date as week
    from {{ ref('user_activity_daily') }}
),
cohorts as (
    select user_id, min(week) as cohort_week
    from weeks
    group by user_id
),
sizes as (select cohort_week, count(*) as users from cohorts group by cohort_week)
select
    cohorts.cohort_week,
    (weeks.week - cohorts.cohort_week) / 7                                  as weeks_since,
    sizes.users::bigint                                                     as cohort_users,
    count(*)::bigint                                                        as active_users,
    round(count(*)::numeric / sizes.users, 4)::numeric(6, 4)                as retention
from weeks
join cohorts on cohorts.user_id = weeks.user_id
join sizes on sizes.cohort_week = cohorts.cohort_week
group by cohorts.cohort_week, weeks.week, sizes.users
