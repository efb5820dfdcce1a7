select * from {{ ref('people_per_craft') }} where people > seats
