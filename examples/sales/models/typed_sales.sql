-- The accepted rows with exact types: money is a decimal, a day is a date, a region has one spelling.
{{ config(materialized='view') }}

select
    toInt64(trim(sale_id))                          as sale_id,
    toInt64(trim(customer_id))                      as customer_id,
    toInt32(trim(product_id))                       as product_id,
    toInt32(trim(quantity))                         as quantity,
    toDate(trim(sale_date))                         as sale_date,
    toDecimal64(trim(sale_amount), 2)               as sale_amount,
    concat(upper(substring(trim(region), 1, 1)), lower(substring(trim(region), 2))) as region
from {{ source('staging', 'valid_sales') }}
