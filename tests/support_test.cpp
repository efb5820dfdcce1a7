#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.hpp"
#include "mongo_server.hpp"
#include "support_oracle.hpp"
#include "weir_program.hpp"

// The support example, whole: the real binary, MongoDB (that of WEIR_TEST_MONGODB_URL, else what stands in for it) and a
// managed PostgreSQL. SQLite says what the marts must be, of the same documents as files.
namespace weir {
namespace {

using testing::MongoServer;
using testing::ProgramResult;
using testing::TestProject;

std::string replaced_all(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class Support : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<MongoServer>(); }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    if (server_->url().empty()) GTEST_SKIP() << "no server: Java or Maven is missing";
    ASSERT_EQ(::setenv("SUPPORT_MONGODB_URL", server_->url().c_str(), 1), 0);
    // Every test has a database of its own.
    const auto database = fmt::format("database: for_test_{}_{}", ::getpid(), ++databases_);
    for (int connection = 0; connection < 2; ++connection) project_.edit("weir.yml", "database: support", database);
    project_.edit("pipelines/generate.yml",
                  "sessions: 20000, events: 30000, tickets: 5000, reviews: 4000, searches: 10000",
                  "sessions: 900, events: 1200, tickets: 700, reviews: 300, searches: 500");
    generate_up_to("{{ run.started_at.date }}", "2026-03-01");
  }

  void generate_up_to(std::string_view before, std::string_view day) const {
    const auto path = "pipelines/generate.yml";
    project_.write(path, replaced_all(read_file(project_.folder() / path).value(), before, day));
  }

  ProgramResult succeed(const std::vector<std::string>& arguments) const {
    auto result = project_.run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result;
  }

  // The same documents once more, as files.
  void generate_files() const {
    auto text = read_file(project_.folder() / "pipelines/generate.yml").value();
    text = replaced_all(text, "name: generate", "name: as_files");
    text = replaced_all(text, "key: _id, options: &documents {nulls: omit, object_ids: _id}}}", "mode: replace}}");
    text = replaced_all(text, "key: _id, options: *documents}}", "mode: replace}}");
    for (const std::string collection : {"UserRecommendations", "ProductPriceHistory", "UserSessions", "EventLogs",
                                         "SupportTickets", "ModerationQueue", "SearchQueries"}) {
      text = replaced_all(text, fmt::format("crm.{}", collection), fmt::format("files/raw/{}.jsonl", collection));
    }
    project_.write("pipelines/as_files.yml", text);
    succeed({"run", "as_files", "--json"});
  }

  void expect_marts() const {
    for (const auto& mart : testing::support_marts(project_.folder() / "files/raw")) {
      EXPECT_NE(mart.rows, "") << mart.name;
      EXPECT_EQ(project_.query("warehouse", mart.query), mart.rows) << mart.name;
    }
  }

  void execute(const std::string& sql) const { succeed({"query", "warehouse", sql}); }

  static inline std::unique_ptr<MongoServer> server_;
  static inline int databases_ = 0;
  const TestProject project_{"support"};
};

TEST_F(Support, MartsAreWhatPlainSqlSaysOfTheDocuments) {
  ASSERT_EQ(project_.run({"services", "up"}).exit_code, 0);
  succeed({"run", "generate", "--json"});
  const auto replicated = succeed({"run", "replicate", "--json"});
  EXPECT_EQ(replicated.event("step", "support_tickets")["rows_written"], 700);
  EXPECT_EQ(replicated.event("step", "prove_support_tickets")["rows_read"], 1400);
  EXPECT_EQ(project_.query("warehouse", "SELECT count(DISTINCT _weir_run), max(length(_id)) FROM support_tickets"),
            "1,24\n");
  EXPECT_EQ(project_.query("warehouse",
                           "SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND "
                           "indisprimary)), count(*) >= 13 FROM pg_class c WHERE relkind = 'r' AND relnamespace = "
                           "'public'::regnamespace AND relname NOT LIKE '%rejected'"),
            "0,true\n")
      << "a table without a primary key";
  // Of events, searches and visits a second run reads what is new: the last hour or day, and what has no usable time.
  const auto again = succeed({"run", "replicate", "--json"});
  EXPECT_LT(again.event("step", "event_logs")["rows_written"].get<int>(), 200);
  EXPECT_LT(again.event("step", "search_queries")["rows_written"].get<int>(), 100);
  EXPECT_LT(again.event("step", "user_sessions")["rows_written"].get<int>(), 200);
  succeed({"run", "marts", "--json"});
  generate_files();
  expect_marts();

  // Incremental: as if the last days had never been, and nothing is doubled.
  execute("DELETE FROM user_activity_daily WHERE day > (SELECT max(day) - 2 FROM user_activity_daily)");
  execute("DELETE FROM support_efficiency_daily WHERE day > (SELECT max(day) - 2 FROM support_efficiency_daily)");
  succeed({"run", "marts", "--json"});
  expect_marts();

  // A day later all documents have moved by a day, also those of days that were computed long ago; the first day is gone.
  generate_up_to("2026-03-01", "2026-03-02");
  succeed({"run", "generate", "--json"});
  succeed({"run", "replicate", "--json"});
  succeed({"run", "marts", "--json"});
  generate_files();
  expect_marts();

  // Nothing has changed since: nothing is computed again.
  const auto built = [&] {
    return project_.query("warehouse", "SELECT min(xmin::text), max(xmin::text) FROM user_activity_daily");
  };
  const auto before = built();
  succeed({"run", "marts", "--json"});
  EXPECT_EQ(built(), before);
}

TEST_F(Support, TheSampleFindsWhatDiffersInAField) {
  ASSERT_EQ(project_.run({"services", "up"}).exit_code, 0);
  succeed({"run", "generate", "--json"});
  succeed({"run", "replicate", "--json"});
  const std::vector<std::string> samples{"user_sessions",   "product_price_history", "event_logs",
                                         "support_tickets", "user_recommendations",  "moderation_queue",
                                         "search_queries"};
  for (const auto& sample : samples) {
    EXPECT_NE(project_.query("warehouse", "SELECT count(*) FROM sample_" + sample), "0\n") << sample;
    EXPECT_EQ(project_.query("warehouse", fmt::format("SELECT count(*) FROM {}_rejected", sample)), "0\n") << sample;
  }

  // A first message without a comma, which the CSV of the answer would put into quotes.
  const auto sampled = project_.query("warehouse",
                                      "SELECT min(_id) FROM sample_support_tickets JOIN support_ticket_messages ON "
                                      "\"SupportTickets__id\" = _id WHERE position = 0 AND text NOT LIKE '%,%'");
  const auto id = sampled.substr(0, sampled.size() - 1);
  const auto message =
      fmt::format("FROM support_ticket_messages WHERE \"SupportTickets__id\" = '{}' AND position = 0", id);
  const auto text = project_.query("warehouse", "SELECT text " + message);
  execute(
      fmt::format("UPDATE support_ticket_messages SET text = 'tampered' WHERE \"SupportTickets__id\" = '{}' AND "
                  "position = 0",
                  id));
  const auto compared = project_.run({"test", "-s", "sampled_support_tickets", "--json"});
  EXPECT_EQ(compared.exit_code, 1);
  EXPECT_NE(compared.out.find(fmt::format("collection=SupportTickets, _id={}, path=messages[0].text, in_mongodb={}, "
                                          "in_postgresql=tampered",
                                          id, text.substr(0, text.size() - 1))),
            std::string::npos)
      << compared.out;
  succeed({"test", "-s", "sampled_event_logs", "--json"});

  // And orphans are found.
  execute("DELETE FROM user_recommendations WHERE user_id = (SELECT min(user_id) FROM support_tickets)");
  const auto orphans = project_.run({"run", "replicate", "--new", "--select", "orphans_in_support_tickets", "--json"});
  EXPECT_EQ(orphans.exit_code, 1);
  EXPECT_NE(orphans.out.find("rows: user_id is not in user_recommendations"), std::string::npos) << orphans.out;
}

TEST_F(Support, WhatIsTamperedWithIsNamedAndMended) {
  ASSERT_EQ(project_.run({"services", "up"}).exit_code, 0);
  succeed({"run", "generate", "--json"});
  succeed({"run", "replicate", "--json"});
  const auto sums = [&] {
    return project_.query("warehouse",
                          "SELECT md5(string_agg(t::text, '|' ORDER BY _id)) FROM (SELECT _id, status, updated_at, "
                          "priority::text FROM support_tickets) t") +
           project_.query("warehouse",
                          "SELECT md5(string_agg(t::text, '|' ORDER BY \"SupportTickets__id\", position)) FROM (SELECT "
                          "\"SupportTickets__id\", position, sender, text, at FROM support_ticket_messages) t");
  };
  const auto before = sums();
  const std::string id = "6543210fedcba00000000007";
  const auto text = project_.query(
      "warehouse",
      fmt::format("SELECT text FROM support_ticket_messages WHERE \"SupportTickets__id\" = '{}' AND position = 0", id));
  execute(fmt::format(
      "UPDATE support_ticket_messages SET text = 'tampered' WHERE \"SupportTickets__id\" = '{}' AND position = 0", id));
  execute("DELETE FROM support_tickets WHERE ticket_id = 'T-0000100'");
  execute(
      "INSERT INTO support_tickets (_id, ticket_id, _weir_run, _weir_extracted_at) VALUES ('nobody', 'T-x', 'r', "
      "now())");

  const auto found = project_.run({"reconcile", "replicate", "--json"});
  EXPECT_EQ(found.exit_code, 1) << found.out;
  const auto logged = project_.run({"logs", "last", "prove_support_ticket_messages"}).out;
  EXPECT_NE(logged.find(fmt::format("SupportTickets _id={0}: messages[0].text: {1} / tampered", id,
                                    text.substr(0, text.size() - 1))),
            std::string::npos)
      << logged;
  const auto tickets = project_.run({"logs", "last", "prove_support_tickets"}).out;
  EXPECT_NE(tickets.find("only left: SupportTickets _id=6543210fedcba00000000100"), std::string::npos) << tickets;
  EXPECT_NE(tickets.find("only right: SupportTickets _id=nobody"), std::string::npos) << tickets;
  EXPECT_EQ(found.event("step", "prove_user_sessions")["state"], "succeeded");

  const auto repaired = succeed({"reconcile", "replicate", "--repair", "--json"});
  // One bucket of the messages, not all of their rows.
  EXPECT_LT(repaired.event("step", "prove_support_ticket_messages")["rows_written"].get<int>(), 1500);
  EXPECT_EQ(sums(), before);
  succeed({"reconcile", "replicate", "--json"});

  // What was deleted at the source no cursor tells: the proof finds it, and mends it by itself.
  project_.edit("pipelines/generate.yml", "events: 1200", "events: 1150");
  succeed({"run", "generate", "--select", "events", "--json"});
  succeed({"run", "replicate", "--json"});
  EXPECT_EQ(project_.query("warehouse", "SELECT count(*) FROM event_logs"), "1150\n");
}

}  // namespace
}  // namespace weir
