{# Compares a sample of documents with the rows that they became, field by field. The documents come whole, their lists and objects as
   json, and are taken apart here by PostgreSQL: a second opinion on how they became tables. Yields a row for every difference. #}

{% macro comparable(value) -%}
case
    when jsonb_typeof({{ value }}) = 'null' then null
    when {{ value }} ? '$date' then ({{ value }} ->> '$date')::timestamptz::text
    when {{ value }} ? '$numberDecimal' then trim_scale(({{ value }} ->> '$numberDecimal')::numeric)::text
    when {{ value }} ? '$oid' then {{ value }} ->> '$oid'
    when jsonb_typeof({{ value }}) = 'number' then trim_scale(({{ value }} #>> '{}')::numeric)::text
    when {{ value }} #>> '{}' ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d' then ({{ value }} #>> '{}')::timestamptz::text
    else {{ value }} #>> '{}'
end
{%- endmacro %}

{% macro differing_fields(collection, sample, rows, lists) %}
with recursive nodes as (
    select d._id, '' as list, -1 as position, e.key as name, e.value
    from {{ sample }} as d, jsonb_each(to_jsonb(d)) as e
    where e.key not like '\_weir\_%'
    union all
    -- An object's fields are columns of their own, a list's elements are rows of the list's table.
    select
        n._id,
        case when jsonb_typeof(n.value) = 'array' then n.name else n.list end,
        case when jsonb_typeof(n.value) = 'array' then inside.place else n.position end,
        case
            when jsonb_typeof(n.value) = 'array' then 'value'
            when n.name = 'value' and n.position >= 0 then inside.key
            else n.name || '_' || inside.key
        end,
        inside.value
    from nodes as n
    cross join lateral (
        select key, value, 0 as place
        from jsonb_each(case when jsonb_typeof(n.value) = 'object' then n.value else '{}' end)
        union all
        select '', value, (ordinality - 1)::int
        from jsonb_array_elements(case when jsonb_typeof(n.value) = 'array' then n.value else '[]' end) with ordinality
    ) as inside
    where inside.key not like '$%'
),
in_documents as (
    select _id, list, position, name, {{ comparable('value') }} as value
    from nodes
    where jsonb_typeof(value) not in ('object', 'array') or value ?| array['$date', '$numberDecimal', '$oid']
),
in_tables as (
    select t._id, '' as list, -1 as position, e.key as name, {{ comparable('e.value') }} as value
    from {{ rows }} as t, jsonb_each(to_jsonb(t)) as e
    where t._id in (select _id from {{ sample }}) and e.key not like '\_weir\_%'
    {% for list, table in lists | items %}
    union all
    select t."{{ collection }}__id", '{{ list }}', t.position::int, e.key, {{ comparable('e.value') }}
    from {{ table }} as t, jsonb_each(to_jsonb(t)) as e
    where t."{{ collection }}__id" in (select _id from {{ sample }})
      and e.key not like '\_weir\_%' and e.key not in ('{{ collection }}__id', 'position')
    {% endfor %}
)
select
    '{{ collection }}' as collection,
    _id,
    case when list = '' then name when name = 'value' then format('%s[%s]', list, position) else format('%s[%s].%s', list, position, name) end
                          as path,
    in_documents.value    as in_mongodb,
    in_tables.value       as in_postgresql
from (select * from in_documents where value is not null) as in_documents
full join (select * from in_tables where value is not null) as in_tables using (_id, list, position, name)
where in_documents.value is distinct from in_tables.value
{% endmacro %}
