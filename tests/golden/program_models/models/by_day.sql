{{ config(materialized='view', tags=['daily']) }}
select day, sum(cents) as cents from {{ ref('recent') }} group by day
