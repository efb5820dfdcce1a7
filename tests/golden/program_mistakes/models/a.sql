{{ config(materialized='tabel') }}
select * from {{ ref('b') }} where {{ var('size' }}
