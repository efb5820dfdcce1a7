-- Who is on board of which craft.
{{ config(order_by='craft') }}

select
    craft,
    count()                                             as people,
    arrayStringConcat(arraySort(groupArray(name)), ', ') as names,
    max(stg_people.loaded_at)                           as seen_at
from {{ ref('stg_people') }} as stg_people
group by craft
