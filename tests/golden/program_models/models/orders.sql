{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id', order_by='id') }}
select id, day, {{ cents('amount') }} as cents
from {{ source('warehouse', 'raw_orders') }}
where day >= '{{ var("since") }}'
{% if is_incremental() %}
  and day > (select max(day) from {{ this }})
{% endif %}
