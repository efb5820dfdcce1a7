-- The crafts' people are as many as the API says there are.
select *
from (
    select
        (select sum(people) from {{ ref('people_per_craft') }})          as counted,
        (select reported_number from {{ ref('stg_answer') }})            as reported
)
where counted != reported
