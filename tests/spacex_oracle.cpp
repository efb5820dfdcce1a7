#include "spacex_oracle.hpp"

#include <array>

#include "sqlite_oracle.hpp"

namespace weir::testing {
namespace {

constexpr const char* kViews = R"sql(
CREATE TABLE launches AS
SELECT json ->> 'id' AS id, json ->> 'name' AS name, json ->> 'date_unix' AS at, substr(json ->> 'date_utc', 1, 4) AS year,
       date(json ->> 'date_unix', 'unixepoch') AS day, json ->> 'success' AS success, json ->> 'upcoming' AS upcoming,
       json ->> 'rocket' AS rocket, json ->> 'launchpad' AS launchpad, json
FROM documents WHERE resource = 'launches';
CREATE TABLE flights AS
SELECT l.id AS launch, l.at, l.year, l.day, c.value ->> 'core' AS core, c.value ->> 'flight' AS flight,
       coalesce(c.value ->> 'landing_attempt', 0) AS attempt, coalesce(c.value ->> 'landing_success', 0) AS landed,
       c.value ->> 'landing_type' AS type, c.value ->> 'reused' AS reused
FROM launches l, json_each(l.json, '$.cores') c WHERE NOT l.upcoming AND c.value ->> 'core' IS NOT NULL;
CREATE TABLE turnarounds AS
SELECT later.core, later.year, (later.at - earlier.at) / 86400.0 AS days
FROM flights later JOIN flights earlier ON earlier.core = later.core AND earlier.flight = later.flight - 1;
CREATE TABLE payloads AS
SELECT p.json ->> 'id' AS id, p.json ->> 'launch' AS launch, p.json ->> 'orbit' AS orbit, p.json ->> 'mass_kg' AS mass, p.json
FROM documents p JOIN launches l ON l.id = p.json ->> 'launch'
WHERE p.resource = 'payloads' AND l.success = 1 AND p.json ->> 'orbit' <> 'SO';
CREATE TABLE satellites AS
SELECT json ->> 'id' AS id, json ->> 'launch' AS launch, json ->> '$.spaceTrack.DECAYED' AS decayed,
       json ->> '$.spaceTrack.DECAY_DATE' AS decay_date, json ->> 'version' AS version
FROM documents WHERE resource = 'starlink';
)sql";

struct Mart {
  const char* name;
  const char* at_clickhouse;
  const char* at_sqlite;
};

constexpr std::array kMarts{
    Mart{"launches_by_year",
         "SELECT launch_year, launches, successes, failures, toInt64(round(success_rate * 10000)), launches_so_far "
         "FROM launches_by_year ORDER BY 1",
         "SELECT year, count(*), sum(success), sum(NOT success), CAST(round(avg(success) * 10000) AS INTEGER), "
         "sum(count(*)) OVER (ORDER BY year) FROM launches WHERE NOT upcoming GROUP BY year ORDER BY 1"},
    Mart{"launches_by_rocket",
         "SELECT rocket_name, launches, successes, failures, planned, first_launch, last_launch FROM "
         "launches_by_rocket ORDER BY 1",
         "SELECT r.json ->> 'name', sum(NOT upcoming), sum(success IS 1), sum(success IS 0), "
         "sum(upcoming), min(CASE WHEN NOT upcoming THEN day END), max(CASE WHEN NOT upcoming THEN day END) "
         "FROM launches l JOIN documents r ON r.resource = 'rockets' AND r.json ->> 'id' = l.rocket GROUP BY 1 ORDER "
         "BY 1"},
    Mart{"launches_by_pad",
         "SELECT pad_name, region, launches, successes, failures, planned, first_launch, last_launch FROM "
         "launches_by_pad ORDER BY 1",
         "SELECT p.json ->> 'name', p.json ->> 'region', sum(NOT upcoming), sum(success IS 1), sum(success IS 0), "
         "sum(upcoming), "
         "min(CASE WHEN NOT upcoming THEN day END), max(CASE WHEN NOT upcoming THEN day END) "
         "FROM launches l JOIN documents p ON p.resource = 'launchpads' AND p.json ->> 'id' = l.launchpad GROUP BY 1 "
         "ORDER BY 1"},
    Mart{"core_reuse",
         "SELECT core_serial, coalesce(toString(block), ''), status, flights, reflights, landing_attempts, landings, "
         "first_flight, "
         "last_flight, coalesce(toString(toInt64(round(fastest_turnaround_days * 100))), ''), "
         "coalesce(toString(toInt64(round(average_turnaround_days * 100))), '') FROM core_reuse ORDER BY 1",
         "SELECT c.json ->> 'serial', c.json ->> 'block', c.json ->> 'status', count(*), count(*) - 1, sum(attempt), "
         "sum(landed), "
         "min(day), max(day), (SELECT CAST(round(min(days) * 100) AS INTEGER) FROM turnarounds t WHERE t.core = "
         "f.core), "
         "(SELECT CAST(round(avg(days) * 100) AS INTEGER) FROM turnarounds t WHERE t.core = f.core) "
         "FROM flights f JOIN documents c ON c.resource = 'cores' AND c.json ->> 'id' = f.core GROUP BY f.core ORDER "
         "BY 1"},
    Mart{"core_flights_by_year",
         "SELECT launch_year, flights, first_flights, reflights, landing_attempts, landings, landings_at_sea, "
         "landings_on_land, "
         "coalesce(toString(toInt64(round(fastest_turnaround_days * 100))), '') FROM core_flights_by_year ORDER BY 1",
         "SELECT year, count(*), sum(NOT reused), sum(reused), sum(attempt), sum(landed), sum(landed AND type IS "
         "'ASDS'), "
         "sum(landed AND type IS 'RTLS'), (SELECT CAST(round(min(days) * 100) AS INTEGER) FROM turnarounds t WHERE "
         "t.year = f.year) "
         "FROM flights f GROUP BY year ORDER BY 1"},
    Mart{"payload_mass_by_customer",
         "SELECT replace(customer, ',', ';'), payloads, payloads_without_mass, launches, toInt64(round(mass_kg * 100)) "
         "FROM payload_mass_by_customer ORDER BY 1",
         "SELECT replace(c.value, ',', ';'), count(DISTINCT p.id), count(DISTINCT CASE WHEN mass IS NULL THEN p.id "
         "END), "
         "count(DISTINCT launch), CAST(round(total(mass * 1.0 / json_array_length(p.json, '$.customers')) * 100) AS "
         "INTEGER) "
         "FROM payloads p, json_each(p.json, '$.customers') c GROUP BY 1 ORDER BY 1"},
    Mart{"payload_mass_by_nation",
         "SELECT nation, payloads, payloads_without_mass, launches, toInt64(round(mass_kg * 100)) FROM "
         "payload_mass_by_nation ORDER BY 1",
         "SELECT c.value, count(DISTINCT p.id), count(DISTINCT CASE WHEN mass IS NULL THEN p.id END), count(DISTINCT "
         "launch), "
         "CAST(round(total(mass * 1.0 / json_array_length(p.json, '$.nationalities')) * 100) AS INTEGER) "
         "FROM payloads p, json_each(p.json, '$.nationalities') c GROUP BY 1 ORDER BY 1"},
    Mart{
        "payload_mass_by_orbit",
        "SELECT orbit, payloads, payloads_without_mass, launches, toInt64(round(mass_kg * 100)), "
        "toInt64(round(heaviest_kg * 100)) "
        "FROM payload_mass_by_orbit ORDER BY 1",
        "SELECT orbit, count(*), sum(mass IS NULL), count(DISTINCT launch), CAST(round(total(mass) * 100) AS INTEGER), "
        "CAST(round(coalesce(max(mass), 0) * 100) AS INTEGER) FROM payloads GROUP BY 1 ORDER BY 1"},
    Mart{"crew_flights",
         "SELECT launch_name, toUnixTimestamp(launched_at), person, agency, role, capsule_serial, flight_of_person "
         "FROM crew_flights ORDER BY launched_at, person",
         "SELECT l.name, l.at, p.json ->> 'name', p.json ->> 'agency', c.value ->> 'role', d.json ->> 'serial', "
         "row_number() OVER (PARTITION BY p.json ->> 'id' ORDER BY l.at) "
         "FROM launches l, json_each(l.json, '$.crew') c JOIN documents p ON p.resource = 'crew' AND p.json ->> 'id' = "
         "c.value ->> 'crew' "
         "JOIN documents d ON d.resource = 'capsules' AND d.json ->> 'id' = l.json ->> '$.capsules[0]' ORDER BY l.at, "
         "3"},
    Mart{"starlink_by_launch",
         "SELECT replace(launch_name, ',', ';'), version, satellites, in_orbit, decayed, "
         "coalesce(toString(first_decay), ''), "
         "coalesce(toString(last_decay), '') FROM starlink_by_launch ORDER BY launched_at",
         "SELECT replace(l.name, ',', ';'), min(s.version), count(*), sum(decayed = 0), sum(decayed = 1), "
         "min(decay_date), max(decay_date) "
         "FROM satellites s JOIN launches l ON l.id = s.launch GROUP BY l.id ORDER BY l.at"},
    Mart{"starlink_decay_by_month",
         "SELECT substring(toString(month), 1, 7), decayed, decayed_so_far FROM starlink_decay_by_month ORDER BY 1",
         "SELECT substr(decay_date, 1, 7) AS month, count(*), sum(count(*)) OVER (ORDER BY substr(decay_date, 1, 7)) "
         "FROM satellites WHERE decayed = 1 GROUP BY month ORDER BY 1"},
    Mart{"ship_activity",
         "SELECT ship_name, launch_year, outings, booster_attempts, booster_landings, fairings_recovered, "
         "dragon_missions "
         "FROM ship_activity ORDER BY 1, 2",
         "SELECT s.json ->> 'name', l.year, count(*), "
         "sum((SELECT count(*) FROM flights f WHERE f.launch = l.id AND f.attempt AND f.type = 'ASDS')), "
         "sum((SELECT count(*) FROM flights f WHERE f.launch = l.id AND f.landed AND f.type = 'ASDS')), "
         "sum(coalesce(l.json ->> '$.fairings.recovered', 0) AND EXISTS (SELECT 1 FROM json_each(l.json, "
         "'$.fairings.ships') x "
         "WHERE x.value = o.value)), sum(json_array_length(l.json, '$.capsules') > 0) "
         "FROM launches l, json_each(l.json, '$.ships') o JOIN documents s ON s.resource = 'ships' AND s.json ->> 'id' "
         "= o.value "
         "WHERE NOT l.upcoming GROUP BY 1, 2 ORDER BY 1, 2"},
};

}  // namespace

std::vector<ExpectedMart> spacex_marts(const std::filesystem::path& recording) {
  Sqlite sqlite;
  sqlite.load_recording(recording);
  sqlite.run(kViews);
  std::vector<ExpectedMart> marts;
  marts.reserve(kMarts.size());
  for (const auto& mart : kMarts) marts.push_back({mart.name, mart.at_clickhouse, sqlite.lines(mart.at_sqlite)});
  return marts;
}

}  // namespace weir::testing
