-- Every product with what it costs now.
select product_id, current_price::numeric(18, 2) as current_price, currency
from {{ source('warehouse', 'product_price_history') }}
