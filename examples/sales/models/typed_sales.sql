-- The accepted rows with exact types: money is a decimal, a day is a date, a region has one spelling.
-- A rule has made sure that no value is missing, so no column needs to admit NULL. A table, since two models read it.
{{ config(materialized='table', engine='MergeTree', order_by='sale_id') }}

select
    toInt64(trim(assumeNotNull(sale_id)))           as sale_id,
    toInt64(trim(assumeNotNull(customer_id)))       as customer_id,
    toInt32(trim(assumeNotNull(product_id)))        as product_id,
    toInt32(trim(assumeNotNull(quantity)))          as quantity,
    toDate(trim(assumeNotNull(sale_date)))          as sale_date,
    toDecimal64(trim(assumeNotNull(sale_amount)), 2) as sale_amount,
    initcap(trim(assumeNotNull(region)))            as region
from {{ source('warehouse', 'valid_sales') }}
