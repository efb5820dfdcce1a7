#include <gtest/gtest.h>

#include <utility>

#include "connectors/mongodb/scripted_tickets.hpp"
#include "mongo_program.hpp"

// A replica set's primary steps down amid a run of the whole program: nothing is lost, nothing doubled, and the log says it.
namespace weir {
namespace {

using mongodb::Document;
using mongodb::testing::failure;
using mongodb::testing::json;
using mongodb::testing::ScriptedTickets;

constexpr int kInterruptedDueToReplStateChange = 11'602;

class MongoFailover : public testing::MongoProgram {
 protected:
  void SetUp() override {
    for (int id = 0; id < 1'000; ++id)
      tickets_.documents.push_back(json(fmt::format(R"({{"_id":{0},"v":"v{0}"}})", id)));
    tickets_.batch_documents = 60;
    configure_at(tickets_.url(), "    range_documents: 100\n    follow: changes\n    server_timeout: 3s\n");
    pipeline("from: mongo.tickets, to: shop.tickets, mode: merge", "retry: {attempts: 3, delay: 100ms}\n");
  }
  void expect_tickets(const std::string& expected) const {
    EXPECT_EQ(
        query("SELECT count(*), count(DISTINCT _id), sum(_id), count(*) FILTER (WHERE v = 'v' || _id) FROM tickets"),
        expected);
  }
  static Document interrupted(const std::string& labels = "") {
    return json(fmt::format(
        R"({{"ok":0.0,"code":{},"codeName":"InterruptedDueToReplStateChange","errmsg":"operation was interrupted"{}}})",
        kInterruptedDueToReplStateChange, labels));
  }

  ScriptedTickets tickets_{2};
};

TEST_F(MongoFailover, AmidASnapshotTheNextAttemptGoesOnAtTheRangeWithTheNewPrimary) {
  std::size_t asked_for_more = 0;
  tickets_.amid_snapshot = [&]() -> Document {
    if (++asked_for_more != 7) return {};
    tickets_.step_down();
    return interrupted();
  };
  const auto run = load();
  expect_tickets("1000,1000,499500,1000\n");
  EXPECT_EQ(run.event("step", "all")["attempt"], 2) << run.out;
  const auto logged = project_.run({"logs", "last"}).out;
  EXPECT_NE(logged.find(" is changing: "), std::string::npos) << logged;
  EXPECT_NE(logged.find("of them were there already"), std::string::npos) << logged;
  // Of eleven ranges at least four were there; the finds that ask for the ends of the _ids have a limit.
  EXPECT_LE(tickets_.server(1).count("find"), 7U);
  EXPECT_GE(tickets_.server(1).count("find"), 1U);
}

TEST_F(MongoFailover, BetweenTheCommandsOfASnapshotTheRunGoesOnWithTheNewPrimary) {
  std::size_t finds = 0;
  tickets_.instead = [&](const std::string& name, const Document&) -> Document {
    if (name != "find" || ++finds != 6) return {};
    tickets_.step_down();
    return failure(10107, "not primary");
  };
  const auto run = load();
  expect_tickets("1000,1000,499500,1000\n");
  const auto logged = project_.run({"logs", "last"}).out;
  EXPECT_NE(logged.find(fmt::format("the primary was 127.0.0.1:{}; it is 127.0.0.1:{} now", tickets_.server(0).port(),
                                    tickets_.server(1).port())),
            std::string::npos)
      << logged;
}

TEST_F(MongoFailover, AmidTheChangesTheStreamGoesOnBehindItsLastEvent) {
  load();
  expect_tickets("1000,1000,499500,1000\n");
  for (int id = 1'000; id < 1'100; ++id)
    tickets_.tell("insert", fmt::format(R"("documentKey":{{"_id":{0}}},"fullDocument":{{"_id":{0},"v":"v{0}"}})", id));
  tickets_.tell("update", R"("documentKey":{"_id":7},"fullDocument":{"_id":7,"v":"changed"})");
  tickets_.tell("delete", R"("documentKey":{"_id":8})");
  bool has_stepped_down = false;
  tickets_.amid_stream = [&]() -> Document {
    if (std::exchange(has_stepped_down, true)) return {};
    tickets_.step_down();
    return interrupted(R"(,"errorLabels":["ResumableChangeStreamError"])");
  };
  const auto run = load();
  expect_tickets("1099,1099,604442,1098\n");
  EXPECT_EQ(query("SELECT v FROM tickets WHERE _id = 7"), "changed\n");
  EXPECT_EQ(run.event("step", "all")["attempt"], 1) << run.out;
  const auto logged = project_.run({"logs", "last"}).out;
  EXPECT_NE(logged.find(fmt::format("the primary was 127.0.0.1:{}; it is 127.0.0.1:{} now", tickets_.server(0).port(),
                                    tickets_.server(1).port())),
            std::string::npos)
      << logged;
  EXPECT_NE(logged.find("read 102 changes of tickets"), std::string::npos) << logged;
}

}  // namespace
}  // namespace weir
