-- What the newest answer says about itself.
select
    loaded_at                           as loaded_at,
    JSONExtractUInt(value, 'number')    as reported_number
from {{ source('landed', 'raw_data') }} final
order by loaded_at desc
limit 1
