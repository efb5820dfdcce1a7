#include "support_oracle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "sqlite_oracle.hpp"

namespace weir::testing {
namespace {

constexpr std::array kCollections{"UserSessions",        "ProductPriceHistory", "EventLogs",    "SupportTickets",
                                  "UserRecommendations", "ModerationQueue",     "SearchQueries"};

// Times are milliseconds since 1970; "2026-10-30 09:37:36.274Z" has three digits of them from the 21st character on.
constexpr const char* kTables = R"sql(
CREATE TABLE sessions AS
SELECT json ->> '_id' AS id, json ->> 'user_id' AS user, substr(json ->> 'start_time', 1, 10) AS day, json ->> '$.device.os' AS os,
       strftime('%s', json ->> 'end_time') * 1000 + substr(json ->> 'end_time', 21, 3)
         - strftime('%s', json ->> 'start_time') * 1000 - substr(json ->> 'start_time', 21, 3) AS ms,
       json_array_length(json, '$.pages_visited') AS pages, json
FROM documents WHERE resource = 'UserSessions';
CREATE TABLE actions AS
SELECT s.day, s.user, a.value AS action FROM sessions s, json_each(s.json, '$.actions') a;
CREATE TABLE searches AS
SELECT substr(json ->> 'timestamp', 1, 10) AS day, json ->> 'user_id' AS user,
       CASE WHEN json ->> 'results_count' NOT GLOB '*[^0-9]*' THEN CAST(json ->> 'results_count' AS INTEGER) END AS results
FROM documents WHERE resource = 'SearchQueries';
CREATE TABLE events AS
SELECT substr(json ->> 'timestamp', 1, 10) AS day, json ->> '$.details.user_id' AS user, json ->> 'event_type' AS type
FROM documents WHERE resource = 'EventLogs' AND json ->> '$.details.user_id' IS NOT NULL;
CREATE TABLE daily AS
SELECT k.day, k.user,
  (SELECT count(*) FROM sessions s WHERE s.day = k.day AND s.user = k.user) AS sessions,
  (SELECT (coalesce(sum(ms), 0) + 300) / 600 FROM sessions s WHERE s.day = k.day AND s.user = k.user) AS minutes,
  (SELECT coalesce(sum(pages), 0) FROM sessions s WHERE s.day = k.day AND s.user = k.user) AS pages,
  (SELECT count(*) FROM actions a WHERE a.day = k.day AND a.user = k.user) AS actions,
  (SELECT count(*) FROM actions a WHERE a.day = k.day AND a.user = k.user AND action = 'view') AS views,
  (SELECT count(*) FROM actions a WHERE a.day = k.day AND a.user = k.user AND action = 'click') AS clicks,
  (SELECT count(*) FROM actions a WHERE a.day = k.day AND a.user = k.user AND action LIKE '%_cart') AS cart_changes,
  (SELECT count(*) FROM actions a WHERE a.day = k.day AND a.user = k.user AND action = 'purchase') AS purchases,
  (SELECT count(*) FROM actions a WHERE a.day = k.day AND a.user = k.user AND action IN ('wishlist', 'share')) AS others,
  (SELECT count(DISTINCT os) FROM sessions s WHERE s.day = k.day AND s.user = k.user) AS devices,
  (SELECT count(*) FROM searches s WHERE s.day = k.day AND s.user = k.user) AS searches,
  (SELECT count(*) FROM searches s WHERE s.day = k.day AND s.user = k.user AND results > 0) AS found,
  (SELECT count(*) FROM events e WHERE e.day = k.day AND e.user = k.user) AS events,
  (SELECT count(*) FROM events e WHERE e.day = k.day AND e.user = k.user AND type = 'error') AS errors
FROM (SELECT day, user FROM sessions UNION SELECT day, user FROM searches UNION SELECT day, user FROM events) k;
CREATE TABLE users AS
SELECT u.user, min(day) AS first_day, max(day) AS last_day, count(day) AS days, coalesce(sum(sessions), 0) AS sessions,
       coalesce(sum(minutes), 0) AS minutes, coalesce(sum(purchases), 0) AS purchases, coalesce(sum(searches), 0) AS searches,
       sum(found) AS found, julianday((SELECT max(day) FROM daily)) - julianday(max(day)) AS recency,
       julianday((SELECT max(day) FROM daily)) - julianday(min(day)) AS age
FROM (SELECT json ->> 'user_id' AS user FROM documents WHERE resource = 'UserRecommendations') u LEFT JOIN daily USING (user)
GROUP BY u.user;
CREATE TABLE segments AS
SELECT *, CASE WHEN days = 0 THEN 'never seen' WHEN recency > 30 THEN 'lost' WHEN recency > 14 THEN 'fading'
               WHEN age <= 14 THEN 'new' WHEN days >= 20 THEN 'regular' ELSE 'occasional' END AS segment FROM users;
CREATE TABLE weeks AS
SELECT DISTINCT user, date(day, '-' || ((strftime('%w', day) + 6) % 7) || ' days') AS week FROM daily;
CREATE TABLE messages AS
SELECT d.json ->> '_id' AS ticket, m.value ->> 'sender' AS sender, m.value ->> 'text' AS text,
       strftime('%s', m.value ->> 'at') * 1000 + substr(m.value ->> 'at', 21, 3) AS at
FROM documents d, json_each(d.json, '$.messages') m WHERE d.resource = 'SupportTickets';
CREATE INDEX messages_of_ticket ON messages (ticket);
CREATE TABLE targets (issue TEXT, response INTEGER, resolution INTEGER);
INSERT INTO targets VALUES ('payment', 60, 1440), ('delivery', 240, 2880), ('refund', 240, 2880), ('account', 60, 1440),
  ('product', 480, 4320), ('technical', 120, 2880);
CREATE TABLE tickets AS
SELECT json ->> 'issue_type' AS issue, json ->> 'status' AS status, substr(json ->> 'created_at', 1, 10) AS day,
  substr(json ->> 'updated_at', 1, 10) AS updated_day,
  strftime('%s', json ->> 'created_at') * 1000 + substr(json ->> 'created_at', 21, 3) AS created,
  strftime('%s', json ->> 'updated_at') * 1000 + substr(json ->> 'updated_at', 21, 3) AS updated,
  (SELECT min(at) FROM messages WHERE ticket = json ->> '_id' AND sender = 'agent') AS answered,
  (SELECT count(*) FROM messages WHERE ticket = json ->> '_id' AND sender <> 'system') AS messages,
  (SELECT count(*) FROM messages WHERE ticket = json ->> '_id' AND text = 'Ticket reopened') AS reopenings,
  (SELECT CASE WHEN text = 'Ticket resolved' THEN at END FROM messages
   WHERE ticket = json ->> '_id' AND sender = 'system' ORDER BY at DESC LIMIT 1) AS resolved
FROM documents WHERE resource = 'SupportTickets';
CREATE TABLE served AS
SELECT t.*, (answered - created + 300) / 600 AS response, (resolved - created + 300) / 600 AS resolution,
  coalesce(answered, (SELECT max(updated) FROM tickets)) > created + g.response * 60000 AS late_response,
  coalesce(resolved, (SELECT max(updated) FROM tickets)) > created + g.resolution * 60000 AS late_resolution
FROM tickets t JOIN targets g USING (issue);
CREATE TABLE responses AS
SELECT day, issue, status, response, row_number() OVER w AS place, count(*) OVER (PARTITION BY day, issue, status) AS n
FROM served WHERE response IS NOT NULL WINDOW w AS (PARTITION BY day, issue, status ORDER BY response);
CREATE TABLE resolutions AS
SELECT day, issue, status, resolution, row_number() OVER w AS place, count(*) OVER (PARTITION BY day, issue, status) AS n
FROM served WHERE resolution IS NOT NULL WINDOW w AS (PARTITION BY day, issue, status ORDER BY resolution);
CREATE TABLE days AS
WITH RECURSIVE d(day) AS (SELECT min(day) FROM tickets
  UNION ALL SELECT date(day, '+1 day') FROM d WHERE day < (SELECT max(updated_day) FROM tickets)) SELECT day FROM d;
)sql";

struct Mart {
  const char* name;
  const char* at_postgres;
  const char* at_sqlite;
};

constexpr std::array kMarts{
    Mart{"user_activity_daily",
         "SELECT day, user_id, sessions, (minutes * 100)::bigint, pages, actions, views, clicks, cart_changes, "
         "purchases, "
         "recommendations, devices, searches, searches_with_results, events, errors FROM user_activity_daily ORDER BY "
         "1, 2",
         "SELECT * FROM daily ORDER BY 1, 2"},
    Mart{
        "user_activity",
        "SELECT user_id, first_day, last_day, recency_days, active_days, sessions, (minutes * 100)::bigint, purchases, "
        "searches, (search_success_rate * 10000)::bigint, segment FROM user_activity ORDER BY 1",
        "SELECT user, first_day, last_day, CAST(recency AS INTEGER), days, sessions, minutes, purchases, searches, "
        "(found * 20000 + searches) / (2 * nullif(searches, 0)), segment FROM segments ORDER BY 1"},
    Mart{"user_segments",
         "SELECT segment, users, (share_of_users * 10000)::bigint, sessions, purchases, (average_active_days * "
         "100)::bigint FROM user_segments ORDER BY segment COLLATE \"C\"",
         "SELECT segment, count(*), (count(*) * 20000 + (SELECT count(*) FROM users)) / (2 * (SELECT count(*) FROM "
         "users)), "
         "sum(sessions), sum(purchases), (sum(days) * 200 + count(*)) / (2 * count(*)) FROM segments GROUP BY 1 ORDER "
         "BY 1"},
    Mart{"user_retention_cohorts",
         "SELECT cohort_week, weeks_since, cohort_users, active_users, (retention * 10000)::bigint FROM "
         "user_retention_cohorts ORDER BY 1, 2",
         "WITH c AS (SELECT user, min(week) AS first FROM weeks GROUP BY user), "
         "n AS (SELECT first, count(*) AS users FROM c GROUP BY first) "
         "SELECT first, CAST((julianday(week) - julianday(first)) / 7 AS INTEGER), users, count(*), "
         "(count(*) * 20000 + users) / (2 * users) FROM weeks JOIN c USING (user) JOIN n USING (first) GROUP BY first, "
         "week "
         "ORDER BY 1, 2"},
    Mart{"support_efficiency_daily",
         "SELECT day, issue_type, status, tickets, answered, resolved, (first_response_minutes_median * 100)::bigint, "
         "(first_response_minutes_p90 * 100)::bigint, (resolution_minutes_median * 100)::bigint, "
         "(resolution_minutes_p90 * 100)::bigint, (messages_per_ticket * 100)::bigint, reopened, (reopen_rate * "
         "10000)::bigint, first_response_breaches, resolution_breaches FROM support_efficiency_daily ORDER BY day, "
         "issue_type COLLATE \"C\", status COLLATE \"C\"",
         "SELECT day, issue, status, count(*), count(answered), count(resolved), "
         "(SELECT min(response) FROM responses r WHERE r.day = s.day AND r.issue = s.issue AND r.status = s.status AND "
         "place * 2 >= n), "
         "(SELECT min(response) FROM responses r WHERE r.day = s.day AND r.issue = s.issue AND r.status = s.status AND "
         "place * 10 >= n * 9), "
         "(SELECT min(resolution) FROM resolutions r WHERE r.day = s.day AND r.issue = s.issue AND r.status = s.status "
         "AND "
         "place * 2 >= n), "
         "(SELECT min(resolution) FROM resolutions r WHERE r.day = s.day AND r.issue = s.issue AND r.status = s.status "
         "AND "
         "place * 10 >= n * 9), "
         "(sum(messages) * 200 + count(*)) / (2 * count(*)), sum(reopenings > 0), "
         "(sum(reopenings > 0) * 20000 + count(*)) / (2 * count(*)), sum(late_response), sum(late_resolution) "
         "FROM served s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
    Mart{
        "support_backlog_daily",
        "SELECT day, issue_type, opened, resolved, backlog FROM support_backlog_daily ORDER BY day, issue_type COLLATE "
        "\"C\"",
        "SELECT d.day, g.issue, (SELECT count(*) FROM tickets t WHERE t.day = d.day AND t.issue = g.issue), "
        "(SELECT count(*) FROM tickets t WHERE date(resolved / 1000, 'unixepoch') = d.day AND t.issue = g.issue), "
        "(SELECT count(*) FROM tickets t WHERE t.day <= d.day AND t.issue = g.issue AND (resolved IS NULL OR "
        "date(resolved / 1000, 'unixepoch') > d.day)) FROM days d, targets g ORDER BY 1, 2"},
};

void load(Sqlite& sqlite, const std::filesystem::path& documents) {
  sqlite.run("CREATE TABLE documents (resource TEXT, json TEXT)");
  sqlite3_stmt* insert = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(sqlite.handle(), "INSERT INTO documents VALUES (?1, ?2)", -1, &insert, nullptr),
            SQLITE_OK);
  for (const std::string collection : kCollections) {
    std::ifstream lines(documents / (collection + ".jsonl"));
    EXPECT_TRUE(lines.good()) << collection;
    for (std::string line; std::getline(lines, line); sqlite3_reset(insert)) {
      sqlite3_bind_text(insert, 1, collection.data(), static_cast<int>(collection.size()), SQLITE_TRANSIENT);
      sqlite3_bind_text(insert, 2, line.data(), static_cast<int>(line.size()), SQLITE_TRANSIENT);
      EXPECT_EQ(sqlite3_step(insert), SQLITE_DONE);
    }
  }
  sqlite3_finalize(insert);
}

}  // namespace

std::vector<ExpectedTable> support_marts(const std::filesystem::path& documents) {
  Sqlite sqlite;
  load(sqlite, documents);
  sqlite.run(kTables);
  std::vector<ExpectedTable> marts;
  for (const auto& mart : kMarts) marts.push_back({mart.name, mart.at_postgres, sqlite.lines(mart.at_sqlite)});
  return marts;
}

}  // namespace weir::testing
