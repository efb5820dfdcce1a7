-- Every generated row is clean, rejected or a removed duplicate.
select *
from (
    select
        (select count() from {{ source('warehouse', 'raw_sales') }})      as generated,
        (select count() from {{ ref('clean_sales') }})                  as clean,
        (select count() from {{ source('warehouse', 'rejected_sales') }}) as rejected,
        (select sum(removed_rows) from {{ ref('removed_duplicates') }}) as removed
)
where generated != clean + rejected + removed
