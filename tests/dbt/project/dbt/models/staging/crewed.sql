{{ config(materialized='ephemeral') }}
select craft, count(*) as people from {{ ref('stg_people') }} group by craft
