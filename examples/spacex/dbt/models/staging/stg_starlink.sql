-- A satellite that is not yet matched to a launch has none.
select
    assumeNotNull(id)                                                   as satellite_id,
    assumeNotNull("spaceTrack_OBJECT_NAME")                             as satellite_name,
    launch                                                              as launch_id,
    version                                                             as version,
    assumeNotNull("spaceTrack_DECAYED") = 1                             as is_decayed,
    toDateOrNull(coalesce("spaceTrack_DECAY_DATE", ''))                 as decayed_on,
    height_km                                                           as height_km
from {{ source('spacex', 'starlink') }}
