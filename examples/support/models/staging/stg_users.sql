-- Every user of the service, once.
select user_id, last_updated as recommended_at
from {{ source('warehouse', 'user_recommendations') }}
