#include "connectors/postgres/server_log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace weir::postgres {
namespace {

// As PostgreSQL 15 writes it.
constexpr std::string_view kConflict =
    "2026-03-01 12:00:00.001 UTC [41] LOG:  logical replication apply worker for subscription \"spacex\" has started\n"
    "2026-03-01 12:00:00.002 UTC [40] weir@subscriber ERROR:  syntax error at or near \"x\" at character 1\n"
    "2026-03-01 12:00:00.003 UTC [41] ERROR:  duplicate key value violates unique constraint \"launches_pkey\"\n"
    "2026-03-01 12:00:00.003 UTC [41] DETAIL:  Key (id)=(5) already exists.\n"
    "2026-03-01 12:00:00.003 UTC [41] CONTEXT:  processing remote data for replication origin \"pg_16395\" during "
    "message "
    "type \"INSERT\" for replication target relation \"public.launches\" in transaction 740, finished at 0/1943248\n"
    "2026-03-01 12:00:00.004 UTC [39] LOG:  background worker \"logical replication worker\" (PID 41) exited with exit "
    "code 1\n";

TEST(SubscriptionLog, TellsAWorkersErrorWithItsDetailAndContext) {
  SubscriptionLog log{"spacex"};
  // In pieces that end anywhere.
  for (std::size_t i = 0; i < kConflict.size(); i += 7) log.append(kConflict.substr(i, 7));
  ASSERT_EQ(log.errors().size(), 1U);
  EXPECT_EQ(
      log.errors()[0].text(),
      "duplicate key value violates unique constraint \"launches_pkey\": Key (id)=(5) already exists. (processing "
      "remote data for replication origin \"pg_16395\" during message type \"INSERT\" for replication target "
      "relation \"public.launches\" in transaction 740, finished at 0/1943248)");
  EXPECT_FALSE(log.errors()[0].is_about_connection());
}

TEST(SubscriptionLog, KeepsTheLastWarningWithItsHint) {
  SubscriptionLog log{"spacex"};
  log.add_worker(9);
  EXPECT_EQ(log.last_words(), "");
  log.append(
      "2026-03-01 12:00:00.003 UTC [9] WARNING:  out of logical replication worker slots\n"
      "2026-03-01 12:00:00.003 UTC [9] HINT:  You might need to increase max_logical_replication_workers.\n");
  EXPECT_TRUE(log.errors().empty());
  EXPECT_EQ(log.last_words(),
            "out of logical replication worker slots (You might need to increase max_logical_replication_workers.)");
}

TEST(SubscriptionLog, LeavesOutOtherSubscriptions) {
  SubscriptionLog log{"space"};
  log.append(kConflict);
  EXPECT_TRUE(log.errors().empty());
}

TEST(SubscriptionLog, KnowsWorkersThatWereThereBefore) {
  SubscriptionLog log{"spacex"};
  log.add_worker(7);
  log.append(
      "2026-03-01 12:00:00.003 UTC [7] FATAL:  terminating logical replication worker due to administrator command\n");
  ASSERT_EQ(log.errors().size(), 1U);
  EXPECT_TRUE(log.errors()[0].is_about_connection());
}

TEST(LogTail, ReadsWhatIsAddedLaterAndNothingTwice) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("weir_log_tail_{}", ::getpid());
  std::ofstream{path} << "old\n";
  LogTail tail{path};
  EXPECT_EQ(tail.read(), "");
  std::ofstream{path, std::ios::app} << "new\n";
  EXPECT_EQ(tail.read(), "new\n");
  EXPECT_EQ(tail.read(), "");
  std::ofstream{path} << "x\n";  // another file of this name
  EXPECT_EQ(tail.read(), "x\n");
  EXPECT_TRUE(tail.readable());
  std::filesystem::remove(path);
  EXPECT_FALSE(tail.readable());
  EXPECT_EQ(tail.read(), "");
}

}  // namespace
}  // namespace weir::postgres
