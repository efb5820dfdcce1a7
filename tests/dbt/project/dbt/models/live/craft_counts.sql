{{ config(materialized='materialized_view', engine='SummingMergeTree', order_by='craft', enabled=(target.type == 'clickhouse')) }}
select craft, count() as people from {{ ref('people') }} group by craft
