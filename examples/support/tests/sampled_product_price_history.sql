-- A sample of ProductPriceHistory, field by field; see macros/sample.sql.
{{ differing_fields('ProductPriceHistory', source('warehouse', 'sample_product_price_history'), source('warehouse', 'product_price_history'), {'price_changes': source('warehouse', 'product_price_changes')}) }}
