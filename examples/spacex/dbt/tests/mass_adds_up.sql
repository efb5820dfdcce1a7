-- Shares of customers and nations add up to the payloads' mass.
select *
from (
    select
        (select sum(mass_kg) from {{ ref('stg_payloads') }})             as mass,
        (select sum(mass_kg) from {{ ref('payload_mass_by_customer') }}) as by_customer,
        (select sum(mass_kg) from {{ ref('payload_mass_by_nation') }})   as by_nation,
        (select sum(mass_kg) from {{ ref('payload_mass_by_orbit') }})    as by_orbit
)
where abs(by_customer - mass) > 1 or abs(by_nation - mass) > 1 or abs(by_orbit - mass) > 1
