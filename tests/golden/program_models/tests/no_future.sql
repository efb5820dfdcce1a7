select * from {{ ref('by_day') }} where day > today()
