{{ config(materialized='incremental', unique_key='person_id', incremental_strategy='delete+insert') }}
select person_id, name, craft, loaded_on
from {{ ref('stg_people') }}
{% if is_incremental() %}
where loaded_on >= (select max(loaded_on) from {{ this }})
{% endif %}
