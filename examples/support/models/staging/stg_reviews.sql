-- A row a review. A rating that is no whole number from 1 to 5 is unknown.
select
    review_id,
    user_id,
    product_id,
    case when trim(both '"' from rating::text) ~ '^[1-5]$' then trim(both '"' from rating::text)::int end as rating,
    moderation_status,
    submitted_at
from {{ source('warehouse', 'moderation_queue') }}
