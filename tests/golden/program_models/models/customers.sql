{{ config(materialized='table', connection='shop') }}
select * from {{ source('shop', 'raw_customers') }} -- {{ target.type }}
