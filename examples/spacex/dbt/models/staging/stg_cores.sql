select
    assumeNotNull(id)       as core_id,
    assumeNotNull(serial)   as core_serial,
    block                   as block,
    assumeNotNull(status)   as status
from {{ source('spacex', 'cores') }}
