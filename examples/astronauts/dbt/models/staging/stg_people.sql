-- Who is in space now: those of the newest load. Who left is still in people, with an older one.
select craft, name, loaded_at
from {{ source('landed', 'people') }} final
where loaded_at = (select max(loaded_at) from {{ source('landed', 'raw_data') }} final)
