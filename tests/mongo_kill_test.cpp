#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "connectors/mongodb/scripted_tickets.hpp"
#include "gate.hpp"
#include "mongo_program.hpp"
#include "tcp_proxy.hpp"

// kill -9 amid runs that read a MongoDB and that write one. The server is held in the middle of an answer, or of what it is
// told, so that the death comes at the same place every time; the next start must bring the run to its end, with nothing lost
// and nothing doubled, which is seen in what the server itself holds.
namespace weir {
namespace {

namespace live = mongodb::live;
using mongodb::Document;
using mongodb::testing::failure;
using mongodb::testing::json;
using mongodb::testing::ScriptedTickets;
using testing::Gate;
using testing::TcpProxy;

constexpr std::size_t kTextBytes = 300;

std::string ticket(int id, const std::string& status) {
  const std::string text(kTextBytes, 'x');
  return fmt::format(
      R"({{"_id":{0},"n":{0},"status":"{1}","price":{{"$numberDecimal":"{0}.50"}},"messages":[{{"text":"a{0} {2}"}},{{"text":"b{0} {2}"}}]}})",
      id, status, text);
}

class KilledMongo : public testing::LiveMongoProgram {
 protected:
  void SetUp() override {
    LiveMongoProgram::SetUp();
    if (IsSkipped()) return;
    if (!live::is_stand_in()) GTEST_SKIP() << "a replica set's servers are not reached through a proxy";
    proxy_ = std::make_unique<TcpProxy>(server_port());
  }

  void add_tickets(int from, int to, const std::string& status = "open") const {
    std::vector<std::string> documents;
    for (int id = from; id < to; ++id) documents.push_back(ticket(id, status));
    database_->insert("tickets", documents);
  }
  void remove_ticket(int id) const {
    database_->run(fmt::format(R"({{"delete":"tickets","deletes":[{{"q":{{"_id":{}}},"limit":1}}]}})", id));
  }

  // Starts the pipeline and kills it, held where the proxy has let so many bytes of that side pass. Returns the run's id.
  std::string kill_after(std::uint64_t bytes, TcpProxy::From from) {
    Gate gate;
    proxy_->after_bytes(
        bytes, [&] { gate.pass(); }, from);
    auto run = kill_at(gate);
    gate.open();
    return run;
  }
  std::string kill_at(Gate& gate) const {
    std::string run;
    auto started = project_.start_until({"run", "load", "--json"}, [&](const Json& event) {
      if (event.value("event", "") == "run_started") run = event["run"].get<std::string>();
      return run.empty();
    });
    EXPECT_TRUE(gate.wait_until_reached());
    started.process.signal(SIGKILL);
    EXPECT_EQ(started.process.wait().signal, SIGKILL);
    gate.open();
    return run;
  }
  // The next start, which must be the same run, and end.
  testing::ProgramResult resume(const std::string& run) const {
    auto resumed = load();
    EXPECT_EQ(resumed.event("run_finished")["run"], run);
    return resumed;
  }

  void expect_as_at_the_server() const {
    std::string tickets;
    std::string messages;
    for (const auto& text : database_->documents("tickets")) {
      const auto document = parse_json(text).value();
      const auto id = document["_id"].get<int>();
      tickets += fmt::format("{},{},{}\n", id, document["status"].get<std::string>(),
                             document["price"]["$numberDecimal"].get<std::string>());
      for (std::size_t i = 0; i < document["messages"].size(); ++i)
        messages += fmt::format("{},{},{}\n", id, i, document["messages"][i]["text"].get<std::string>());
    }
    EXPECT_NE(tickets, "");
    EXPECT_EQ(query("SELECT _id, status, price FROM tickets ORDER BY _id"), tickets);
    EXPECT_EQ(query("SELECT tickets__id, position, text FROM tickets__messages ORDER BY 1, 2"), messages);
  }

  std::unique_ptr<TcpProxy> proxy_;
};

// Where a run that reads dies: behind so many bytes of the server's, or, where that is 0, when it says these words.
struct Death {
  const char* name;
  std::uint64_t bytes;
  const char* words;
};

struct Reading {
  const char* follow;
  Death death;
};
std::ostream& operator<<(std::ostream& out, const Reading& reading) {
  return out << reading.follow << ", killed " << reading.death.name;
}

class KilledReading : public KilledMongo, public ::testing::WithParamInterface<Reading> {
 protected:
  std::string kill_when_it_says(std::string_view words) const {
    std::string run;
    auto started = project_.start_until({"run", "load", "--json"}, [&](const Json& event) {
      if (event.value("event", "") == "run_started") run = event["run"].get<std::string>();
      return to_text(event).find(words) == std::string::npos;
    });
    started.process.signal(SIGKILL);
    EXPECT_EQ(started.process.wait().signal, SIGKILL);
    return run;
  }
};

TEST_P(KilledReading, IsGoneOnWithByTheNextStart) {
  const std::string follow = GetParam().follow;
  configure_through(proxy_->port(), follow == "cursor" ? "    collections: {tickets: {cursor: n}}\n"
                                                       : fmt::format("    follow: {}\n", follow));
  pipeline(fmt::format(R"(from: "mongo.*", to: "shop.*", mode: {})", follow == "snapshot" ? "replace" : "merge"));
  add_tickets(0, 300);
  load();
  expect_as_at_the_server();

  add_tickets(300, 1'200);
  if (follow != "cursor") {
    for (const int id : {7, 8, 299, 1'000}) remove_ticket(id);
    add_tickets(8, 9, "closed");
  }
  const auto& death = GetParam().death;
  const auto run = death.bytes != 0 ? kill_after(death.bytes, TcpProxy::From::Server) : kill_when_it_says(death.words);
  resume(run);
  expect_as_at_the_server();

  // The run after it goes on behind it.
  add_tickets(2'000, 2'010);
  load();
  expect_as_at_the_server();
}

// The news of a run are about 600 KB.
constexpr Death kDeaths[] = {{"before the first document", 1'000, ""},
                             {"amid the documents", 200'000, ""},
                             {"behind nearly all documents", 550'000, ""},
                             {"behind the first table", 0, "rows from mongo.tickets to"}};

std::vector<Reading> readings() {
  std::vector<Reading> all;
  for (const auto* follow : {"snapshot", "cursor", "changes"}) {
    for (const auto& death : kDeaths) all.push_back({follow, death});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Everywhere, KilledReading, ::testing::ValuesIn(readings()), [](const auto& test) {
  auto name = fmt::format("{}_{}", test.param.follow, test.param.death.name);
  for (auto& letter : name) letter = letter == ' ' ? '_' : letter;
  return name;
});

class KilledScripted : public testing::MongoProgram {};

// Ranges that were there are not asked for again; the one that it died in is.
TEST_F(KilledScripted, ASnapshotInRangesIsGoneOnWithAtTheRangeThatItDiedIn) {
  Gate gate;
  ScriptedTickets tickets;
  for (int id = 0; id < 1'000; ++id) tickets.documents.push_back(json(fmt::format(R"({{"_id":{0},"v":"v{0}"}})", id)));
  tickets.batch_documents = 60;
  std::size_t asked_for_more = 0;
  std::atomic<bool> is_killed = false;
  tickets.amid_snapshot = [&]() -> Document {
    // A range is two replies: of six that have come, one or none is not yet on disk. The task outlives the killed parent by a
    // moment, in which it gets no further.
    if (is_killed || ++asked_for_more < 7) return {};
    gate.pass();
    return failure(11'600, "interrupted");
  };
  configure_at(tickets.url(), "    range_documents: 100\n    readers: 2\n");
  pipeline("from: mongo.tickets, to: shop.tickets, mode: replace");
  std::string run;
  auto started = project_.start_until({"run", "load", "--json"}, [&](const Json& event) {
    if (event.value("event", "") == "run_started") run = event["run"].get<std::string>();
    return run.empty();
  });
  ASSERT_TRUE(gate.wait_until_reached());
  started.process.signal(SIGKILL);
  EXPECT_EQ(started.process.wait().signal, SIGKILL);
  gate.open();
  const auto before = tickets.server().count("find");

  is_killed = true;
  const auto resumed = load();
  EXPECT_EQ(resumed.event("run_finished")["run"], run);
  EXPECT_NE(resumed.out.find("read 1000 documents of tickets in 11 ranges; "), std::string::npos) << resumed.out;
  const auto asked = tickets.server().count("find") - before;
  EXPECT_LE(asked, 6U) << "at least five of the eleven ranges were there";
  EXPECT_GE(asked, 5U);
  EXPECT_EQ(
      query("SELECT count(*), count(DISTINCT _id), sum(_id), count(*) FILTER (WHERE v = 'v' || _id) FROM tickets"),
      "1000,1000,499500,1000\n");
}

// Where a load dies: behind so many bytes of the rows, or, where that is 0, before it sends what holds this text.
struct WritingDeath {
  const char* name;
  std::uint64_t bytes;
  std::string text;
};

struct Writing {
  std::string mode;
  WritingDeath death;
};
std::ostream& operator<<(std::ostream& out, const Writing& writing) {
  return out << writing.mode << ", killed " << writing.death.name;
}

class KilledWriting : public KilledMongo, public ::testing::WithParamInterface<Writing> {
 protected:
  static constexpr int kRows = 2'000;

  void make_rows(const std::string& value) const {
    for (const auto& sql : {std::string{"DROP TABLE IF EXISTS numbers"},
                            fmt::format("CREATE TABLE numbers AS SELECT n AS _id, '{} ' || n AS v, repeat('x', 200) AS "
                                        "filling FROM generate_series(0, {}) n",
                                        value, kRows - 1)}) {
      ASSERT_EQ(project_.run({"query", "shop", sql}).exit_code, 0);
    }
  }
  void expect_rows_as_documents(const std::string& value) const {
    const auto copied = database_->documents("numbers");
    ASSERT_EQ(copied.size(), static_cast<std::size_t>(kRows));
    for (int row = 0; row < kRows; ++row) {
      const auto document = parse_json(copied[static_cast<std::size_t>(row)]).value();
      ASSERT_EQ(document["_id"], row);
      ASSERT_EQ(document["v"], fmt::format("{} {}", value, row));
    }
  }
};

TEST_P(KilledWriting, IsThereOnceAfterTheNextStart) {
  const auto& [mode, death] = GetParam();
  configure_through(proxy_->port(), "");
  pipeline(fmt::format("from: shop.numbers, to: mongo.numbers, mode: {}, key: _id", mode));
  make_rows("old");
  // What is appended is new; what replaces and merges meets older documents.
  if (mode == "append") {
    database_->run(R"({"create":"numbers"})");
  } else {
    load();
    make_rows("new");
  }
  Gate gate;
  if (death.bytes != 0) {
    proxy_->after_bytes(
        death.bytes, [&] { gate.pass(); }, TcpProxy::From::Client);
  } else {
    proxy_->before_text(death.text, [&] { gate.pass(); });
  }
  const auto run = kill_at(gate);
  resume(run);
  expect_rows_as_documents(mode == "append" ? "old" : "new");
  // Neither a stage nor an undecided commit is left.
  EXPECT_EQ(database_->collections(), (std::vector<std::string>{"_weir_commits", "numbers"}));
  for (const auto& commit : database_->documents("_weir_commits"))
    EXPECT_EQ(parse_json(commit).value()["state"], "done") << commit;
}

// As BSON has a text: its type, its name, its length and itself.
std::string text_element(const std::string& name, const std::string& text) {
  std::string bytes = "\x02" + name + '\0';
  const auto size = static_cast<std::int32_t>(text.size() + 1);
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
  return bytes + text + '\0';
}

std::vector<Writing> writings() {
  std::vector<Writing> all;
  for (const std::string mode : {"append", "replace", "merge"}) {
    const auto carries_out = mode == "append"    ? std::string{"$merge"}
                             : mode == "replace" ? std::string{"renameCollection"}
                                                 : text_element("update", "numbers");
    for (const auto& [name, text] : {std::pair<const char*, std::string>{"before its stage is made",
                                                                         "\x02"
                                                                         "create"},
                                     {"before it is decided", text_element("insert", "_weir_commits")},
                                     {"before it is carried out", carries_out},
                                     {"before it is done", text_element("update", "_weir_commits")},
                                     {"behind it",
                                      "\x02"
                                      "drop"}}) {
      all.push_back({mode, {name, 0, text}});
    }
    all.push_back({mode, {"amid the rows", 200'000, ""}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Everywhere, KilledWriting, ::testing::ValuesIn(writings()), [](const auto& test) {
  auto name = fmt::format("{}_{}", test.param.mode, test.param.death.name);
  for (auto& letter : name) letter = letter == ' ' ? '_' : letter;
  return name;
});

}  // namespace
}  // namespace weir
