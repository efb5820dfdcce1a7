{% macro upper_name(column) %}upper({{ column }}){% endmacro %}
