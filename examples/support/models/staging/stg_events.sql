-- A row an event. Some errors happen to nobody in particular.
select
    event_id,
    details_user_id                          as user_id,
    "timestamp"                              as happened_at,
    ("timestamp" at time zone 'UTC')::date   as day,
    event_type,
    details_product_id                       as product_id,
    _weir_extracted_at                       as extracted_at
from {{ source('warehouse', 'event_logs') }}
