select crafts.craft, crafts.seats, crewed.people
from {{ ref('crafts') }} as crafts
join {{ ref('crewed') }} as crewed on crewed.craft = crafts.craft
