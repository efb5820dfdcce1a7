-- What was done in each visit, by kind.
select
    "UserSessions__id"                                                  as document_id,
    count(*)                                                            as actions,
    count(*) filter (where value = 'view')                              as views,
    count(*) filter (where value = 'click')                             as clicks,
    count(*) filter (where value in ('add_to_cart', 'remove_from_cart')) as cart_changes,
    count(*) filter (where value = 'purchase')                          as purchases,
    count(*) filter (where value in ('wishlist', 'share'))              as recommendations,
    max(_weir_extracted_at)                                             as extracted_at
from {{ source('warehouse', 'user_sessions_actions') }}
group by 1
