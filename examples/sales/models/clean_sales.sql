-- One row a sale: trimmed, cast to exact types, the first of every set of duplicates.
{{ config(materialized='table', engine='MergeTree', order_by='sale_id') }}

select sale_id, customer_id, product_id, quantity, sale_date, sale_amount, region
from {{ ref('typed_sales') }}
order by sale_id, sale_date, customer_id, product_id, quantity, sale_amount, region
limit 1 by sale_id
