-- By year, by rocket and by pad it is the same launches.
select *
from (
    select
        (select countIf(not is_planned) from {{ ref('stg_launches') }})  as launches,
        (select sum(launches) from {{ ref('launches_by_year') }})        as by_year,
        (select sum(launches) from {{ ref('launches_by_rocket') }})      as by_rocket,
        (select sum(launches) from {{ ref('launches_by_pad') }})         as by_pad
)
where by_year != launches or by_rocket != launches or by_pad != launches
