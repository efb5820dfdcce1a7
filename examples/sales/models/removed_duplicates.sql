-- How many rows each repeated sale_id loses to clean_sales: nothing disappears without a trace.
-- depends_on: {{ ref('clean_sales') }}
{{ config(materialized='table', engine='MergeTree', order_by='sale_id') }}

select sale_id, toUInt64(count() - 1) as removed_rows, toUInt64(uniqExact(customer_id, product_id, quantity, sale_date, sale_amount, region)) as versions
from {{ ref('typed_sales') }}
where sale_id in (select sale_id from {{ ref('typed_sales') }} group by sale_id having count() > 1)
group by sale_id
