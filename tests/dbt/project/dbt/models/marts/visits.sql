{{ config(materialized='incremental', incremental_strategy='append') }}
select person_id, craft from {{ ref('stg_people') }}
{% if is_incremental() %}
where person_id > (select max(person_id) from {{ this }})
{% endif %}
