{% snapshot crafts_history %}
{{ config(unique_key='craft', strategy='check', check_cols=['seats'], target_schema=target.schema) }}
select * from {{ ref('crafts') }}
{% endsnapshot %}
