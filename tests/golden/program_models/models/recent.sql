{{ config(materialized='ephemeral') }}
select * from {{ ref('orders') }} where day >= today() - 7
