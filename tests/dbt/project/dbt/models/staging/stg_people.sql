select person_id, {{ upper_name('name') }} as name, craft, loaded_on
from {{ ref('people') }}
where length(name) >= {{ var('shortest_name') }}
