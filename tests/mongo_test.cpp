#include <gtest/gtest.h>

#include <algorithm>

#include "connectors/mongodb/scripted_scram.hpp"
#include "connectors/mongodb/scripted_tickets.hpp"
#include "mongo_program.hpp"
#include "tcp_proxy.hpp"

// MongoDB through the whole program: the real binary, a PostgreSQL, and the server of WEIR_TEST_MONGODB_URL or what stands in
// for one.
namespace weir {
namespace {

namespace live = mongodb::live;
using mongodb::Document;
using testing::TestProject;

class MongoTickets : public testing::LiveMongoProgram {
 protected:
  void add_tickets(int from, int to) {
    std::vector<std::string> documents;
    for (int i = from; i < to; ++i) {
      documents.push_back(fmt::format(
          R"({{"_id":{0},"status":"{1}","price":{{"$numberDecimal":"{0}.50"}},"messages":[{{"text":"a{0}"}},{{"text":"b{0}"}}]}})",
          i, i % 3 == 0 ? "open" : "closed"));
    }
    database_->insert("tickets", documents);
  }
  void expect_tickets(int count) const {
    const auto ids = count * (count - 1) / 2;
    EXPECT_EQ(query("SELECT count(*), count(DISTINCT _id), sum(_id), sum(price) FROM tickets"),
              fmt::format("{0},{0},{1},{2:.2f}\n", count, ids, ids + count * 0.5));
    EXPECT_EQ(query("SELECT count(*), count(DISTINCT (tickets__id, position)) FROM tickets__messages"),
              fmt::format("{0},{0}\n", 2 * count));
  }
};

TEST_F(MongoTickets, ADatabaseBecomesTablesThatSayWhereTheyCameFrom) {
  add_tickets(0, 1'001);
  database_->insert("notes", {R"({"_id":"a","v":1})", R"({"_id":{"$oid":"65e1b2c3d4e5f60718293a4b"},"v":"x"})",
                              R"({"_id":"nul","v":"a\u0000b"})"});
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)");
  const auto run = load();
  expect_tickets(1'001);
  // Nobody has said so: a collection's rows cannot repeat.
  EXPECT_EQ(
      query("SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND "
            "connamespace = 'public'::regnamespace ORDER BY 1"),
      "notes,PRIMARY KEY (_id)\ntickets,PRIMARY KEY (_id)\ntickets__messages,\"PRIMARY KEY (tickets__id, "
      "\"\"position\"\")\"\n");
  const auto id = run.event("run_finished")["run"].get<std::string>();
  EXPECT_EQ(query("SELECT DISTINCT _weir_run, _weir_extracted_at IS NULL FROM tickets__messages"), id + ",false\n");
  EXPECT_EQ(query("SELECT _id, v FROM notes ORDER BY length(_id)"),
            "\"\"\"a\"\"\",1\n\"{\"\"$oid\"\":\"\"65e1b2c3d4e5f60718293a4b\"\"}\",\"\"\"x\"\"\"\n");
  EXPECT_NE(run.out.find("were rejected"), std::string::npos) << run.out;
  // Rejects come along, and are a stream like others.
  EXPECT_EQ(query("SELECT _id, reason FROM notes___rejects"), "\"\"\"nul\"\"\",v: a text with the character U+0000\n");
  EXPECT_EQ(query("SELECT count(*) FROM tickets___rejects"), "0\n");
}

TEST_F(MongoTickets, ChangesArriveListsShrinkAndTablesFollow) {
  configure("    follow: changes\n");
  pipeline(R"(from: "mongo.*", to: {object: "shop.*", options: {schema_changes: evolve}}, mode: merge)");
  add_tickets(0, 10);
  load();
  expect_tickets(10);
  EXPECT_EQ(query("SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid IN ('tickets'::regclass, "
                  "'tickets__messages'::regclass)"),
            "2\n");

  database_->run(R"({"delete":"tickets","deletes":[{"q":{"_id":9},"limit":1},{"q":{"_id":8},"limit":1}]})");
  database_->insert(
      "tickets",
      {R"({"_id":8,"status":7,"rating":5,"price":{"$numberDecimal":"1.125"},"messages":[{"text":"only"}]})"});
  load();
  EXPECT_EQ(query("SELECT count(*), max(_id) FROM tickets"), "9,8\n");
  EXPECT_EQ(query("SELECT status, rating, price FROM tickets WHERE _id = 8"), "7,5,1.125\n");
  EXPECT_EQ(query("SELECT status, rating, price FROM tickets WHERE _id = 7"), "\"\"\"closed\"\"\",,7.500\n");
  EXPECT_EQ(query("SELECT tickets__id, position, text FROM tickets__messages WHERE tickets__id >= 8"), "8,0,only\n");
  EXPECT_EQ(query("SELECT count(*) FROM tickets__messages"), "17\n");

  // Nothing has changed: nothing is written, and the next run goes on from there.
  load();
  EXPECT_EQ(query("SELECT count(*), max(_id) FROM tickets"), "9,8\n");
}

TEST_F(MongoTickets, AnExpiredStreamIsSaidAndReadAgainOnlyWhenTheUserSaysSo) {
  configure("    follow: changes\n");
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: merge)");
  add_tickets(0, 10);
  load();
  database_->run(R"({"drop":"tickets"})");
  add_tickets(0, 4);
  const auto failed = project_.run({"run", "load", "--json"});
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_NE(failed.out.find("dropped or renamed"), std::string::npos) << failed.out;
  expect_tickets(10);
  configure("    follow: changes\n    on_expired: snapshot\n");
  load();
  expect_tickets(4);
}

TEST_F(MongoTickets, AServerThatGoesDownIsGoneOnWithAtTheRangeThatItWasIn) {
  if (!live::is_stand_in()) GTEST_SKIP() << "a replica set's servers are not reached through a proxy";
  add_tickets(0, 3'000);
  testing::TcpProxy proxy{server_port()};
  configure_through(proxy.port(), "    server_timeout: 1s\n");
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)", "retry: {attempts: 4, delay: 200ms}\n");
  proxy.after_bytes(250'000, [&] { proxy.go_down(); });
  std::string out;
  auto started = project_.start_until({"run", "load", "--json"}, [&](const Json& event) {
    const auto text = to_text(event);
    out += text + "\n";
    if (text.find("ttempt") != std::string::npos && text.find("failed") != std::string::npos) proxy.come_up();
    return true;
  });
  EXPECT_EQ(started.process.wait().code, 0) << out;
  expect_tickets(3'000);
  EXPECT_NE(out.find("of them were there already"), std::string::npos) << out;
}

TEST_F(MongoTickets, ACollectionThatIsDroppedWhileItIsReadFailsAndLeavesTheTableAsItWas) {
  if (!live::is_stand_in()) GTEST_SKIP() << "a replica set's servers are not reached through a proxy";
  add_tickets(0, 100);
  testing::TcpProxy proxy{server_port()};
  configure_through(proxy.port(), "    server_timeout: 1s\n");
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)");
  load();
  add_tickets(100, 3'000);
  proxy.after_bytes(250'000, [&] { database_->run(R"({"drop":"tickets"})"); });
  const auto failed = project_.run({"run", "load", "--json"});
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_NE(failed.out.find("collection tickets was dropped or renamed while it was read"), std::string::npos)
      << failed.out;
  expect_tickets(100);
}

TEST_F(MongoTickets, AFieldMayChangeItsTypeAfterHalfAMillionDocuments) {
  constexpr int kDocuments = 500'200;
  constexpr int kAtOnce = 10'000;
  for (int begin = 0; begin < kDocuments; begin += kAtOnce) {
    std::vector<Document> documents;
    for (int i = begin; i < std::min(kDocuments, begin + kAtOnce); ++i) {
      Document document;
      document.add("_id", i);
      documents.push_back(i < 500'000 ? document.add("v", i) : document.add("v", fmt::format("text {}", i)));
    }
    Document insert;
    insert.add("insert", "numbers").add_list("documents", documents);
    ASSERT_TRUE(database_->session().write(insert, {}).ok());
  }
  configure_at(database_->url());
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)");
  const auto run = load();
  EXPECT_EQ(query("SELECT count(*), count(DISTINCT _id), count(v) FROM numbers"), "500200,500200,500200\n");
  EXPECT_EQ(query("SELECT v FROM numbers WHERE _id IN (7, 500100) ORDER BY _id"), "7\n\"\"\"text 500100\"\"\"\n");
  EXPECT_EQ(query("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_weir\\_stage%'"), "0\n");
  EXPECT_EQ(run.event("step", "all")["rows_written"], kDocuments);
}

TEST_F(MongoTickets, AReplayAsksNothingOfTheServer) {
  add_tickets(0, 1'200);
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)");
  const auto first = load();
  const auto run = first.event("run_finished")["run"].get<std::string>();
  database_->run(R"({"drop":"tickets"})");
  configure_at("mongodb://127.0.0.1:1/gone", "    server_timeout: 300ms\n");
  ASSERT_EQ(project_.run({"query", "shop", "DROP TABLE tickets, tickets__messages"}).exit_code, 0);
  const auto again = project_.run({"replay", run, "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  expect_tickets(1'200);
}

TEST_F(MongoTickets, ACollectionsRulesAddToThoseOfTheConnection) {
  configure(
      "    nested: {lists: json, paths: {device: json}}\n"
      "    collections: {tickets: {filter: {_id: {$lt: 2}}, nested: {paths: {messages: table}}}}\n");
  database_->insert("tickets", {R"({"_id":1,"device":{"os":"x"},"tags":["a"],"messages":[{"text":"b"}]})",
                                R"({"_id":2,"device":{"os":"x"},"tags":["a"],"messages":[{"text":"b"}]})"});
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)");
  load();
  EXPECT_EQ(query("SELECT _id, device, tags FROM tickets"), "1,\"{\"\"os\"\": \"\"x\"\"}\",\"[\"\"a\"\"]\"\n");
  EXPECT_EQ(query("SELECT text FROM tickets__messages"), "b\n");
}

TEST_F(MongoTickets, AServerThatIsGoneIsSaidWithoutSecrets) {
  configure_at("mongodb://weir:planted-secret@127.0.0.1:1/support", "    server_timeout: 300ms\n");
  pipeline(R"(from: mongo.tickets, to: shop.tickets)");
  const auto failed = project_.run({"run", "load", "--json"});
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_NE(failed.out.find("127.0.0.1:1"), std::string::npos) << failed.out;
  EXPECT_EQ((failed.out + failed.err).find("planted-secret"), std::string::npos);
}

class MongoPasswords : public testing::MongoProgram, public ::testing::WithParamInterface<const char*> {
 protected:
  // Only who has signed in is answered, which is once a connection.
  void SetUp() override {
    tickets_.server().offer(GetParam());
    tickets_.documents = {mongodb::testing::json(R"({"_id":1,"text":"a"})")};
    tickets_.instead = [this](const std::string& name, const Document& command) {
      return scram_.answer(name, command);
    };
    pipeline("from: mongo.tickets, to: shop.tickets");
  }

  mongodb::testing::Scram scram_{GetParam()};
  mongodb::testing::ScriptedTickets tickets_;
};

TEST_P(MongoPasswords, TheRightOneSignsInAndIsShownNowhere) {
  configure_at(tickets_.url("weir:pencil@"));
  const auto run = load();
  EXPECT_EQ(query("SELECT _id, text FROM tickets"), "1,a\n");
  EXPECT_GE(tickets_.server().count("saslStart"), 1U);
  const auto checked = project_.run({"check", "--connections"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  const auto logged = project_.run({"logs", "last"});
  for (const auto& text : {run.out, run.err, checked.out, checked.err, logged.out, logged.err})
    EXPECT_EQ(text.find("pencil"), std::string::npos) << text;
}

TEST_P(MongoPasswords, AWrongOneIsSaidWithWhatToDoAndWithoutIt) {
  configure_at(tickets_.url("weir:planted-wrong@"));
  for (const auto& command : {std::vector<std::string>{"run", "load"}, {"check", "--connections"}}) {
    const auto failed = project_.run(command);
    const auto all = failed.out + failed.err;
    EXPECT_NE(failed.exit_code, 0) << all;
    EXPECT_NE(all.find("does not let the user in: "), std::string::npos) << all;
    EXPECT_NE(all.find("check user, password and authSource of the connection"), std::string::npos) << all;
    EXPECT_EQ(all.find("planted"), std::string::npos) << all;
  }
  EXPECT_EQ(project_.run({"logs", "last"}).out.find("planted"), std::string::npos);
  // Asked once: another attempt does not make the password right.
  EXPECT_EQ(tickets_.server().count("saslStart"), 2U);
  EXPECT_EQ(tickets_.server().count("find"), 0U);
}

INSTANTIATE_TEST_SUITE_P(By, MongoPasswords, ::testing::Values("SCRAM-SHA-256", "SCRAM-SHA-1"), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace weir
