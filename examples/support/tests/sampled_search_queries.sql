-- A sample of SearchQueries, field by field; see macros/sample.sql.
{{ differing_fields('SearchQueries', source('warehouse', 'sample_search_queries'), source('warehouse', 'search_queries'), {}) }}
