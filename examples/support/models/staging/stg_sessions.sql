-- A row a visit. A visit whose end nobody noted has no length, and is counted all the same.
select
    session_id,
    user_id,
    start_time                                       as started_at,
    (start_time at time zone 'UTC')::date            as day,
    extract(epoch from end_time - start_time)::numeric as seconds,
    device_os                                        as device,
    _id                                              as document_id,
    _weir_extracted_at                               as extracted_at
from {{ source('warehouse', 'user_sessions') }}
