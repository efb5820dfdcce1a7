-- Starlink satellites that came down, month by month.
{{ config(order_by='month') }}

select
    toStartOfMonth(assumeNotNull(decayed_on))                           as month,
    count()                                                             as decayed,
    sum(count()) over (order by toStartOfMonth(assumeNotNull(decayed_on))) as decayed_so_far
from {{ ref('stg_starlink') }}
where is_decayed and decayed_on is not null
group by month
