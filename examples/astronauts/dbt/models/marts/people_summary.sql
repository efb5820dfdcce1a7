-- One row: how many people are in space, and where most of them are.
{{ config(order_by='seen_at') }}

select
    coalesce(sum(per_craft.people), 0)                  as people,
    count()                                             as crafts,
    nullIf(argMax(per_craft.craft, per_craft.people), '') as largest_craft,
    max(per_craft.people)                               as largest_crew,
    assumeNotNull((select max(loaded_at) from {{ ref('stg_answer') }})) as seen_at
from {{ ref('people_per_craft') }} as per_craft
