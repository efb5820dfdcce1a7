-- Visits that ended before they began.
select * from {{ ref('stg_sessions') }} where seconds < 0
