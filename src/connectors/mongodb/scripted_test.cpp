#include <gtest/gtest.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include "connectors/mongodb/changes.hpp"
#include "connectors/mongodb/connector.hpp"
#include "connectors/mongodb/scripted_scram.hpp"
#include "connectors/mongodb/scripted_server.hpp"
#include "connectors/mongodb/scripted_tickets.hpp"
#include "connectors/mongodb/session.hpp"
#include "flow/text_tables.hpp"
#include "net/test_certificate.hpp"

// What no server that can be had does: conversations in the shapes that MongoDB's manual documents.
namespace weir::mongodb {
namespace {

using testing::batch;
using testing::change_event;
using testing::failure;
using testing::json;
using testing::Scram;
using testing::ScriptedServer;
using testing::ScriptedTickets;

std::unique_ptr<Session> connect(const std::string& url) {
  return Session::open(address_from(Settings{Json{{"url", url}, {"server_timeout", "2s"}}}).value()).value();
}

// Reads changes from a token; each as "upsert <document>" or "delete <key>".
struct Told {
  std::vector<std::string> events;
  std::optional<Error> error;
  std::string end;
};
Told read(const ScriptedServer& server, const CollectionRules& rules = {}) {
  const auto session = connect(server.url());
  Told told;
  ChangePosition from;
  from.token = json(R"({"resumeAfter":{"_data":"01"}})");
  const auto end =
      read_changes(*session, "tickets", rules, from,
                   [&](const ChangeEvent& event) -> Result<void> {
                     told.events.push_back((event.kind == ChangeEvent::Kind::Upsert ? "upsert " : "delete ") +
                                           Document::from(event.document).text());
                     return {};
                   },
                   {});
  if (end.ok()) told.end = end->token.text();
  if (!end.ok()) told.error = end.error();
  return told;
}

TEST(ChangeEvents, AreUnderstoodAsMongoDBDocumentsThem) {
  int more = 0;
  ScriptedServer server{[&](const std::string& name, const Document& command) -> Document {
    if (name == "ping") return json(R"({"ok":1.0,"operationTime":{"$timestamp":{"t":60,"i":1}}})");
    if (name == "find") return batch(0, "firstBatch", {});  // looked up, and gone
    if (name == "aggregate") {
      EXPECT_EQ(command.text("pipeline.0.$changeStream.resumeAfter._data"), "01");
      EXPECT_EQ(command.text("pipeline.0.$changeStream.fullDocument"), "updateLookup");
      return batch(7, "firstBatch", {}, "01");
    }
    if (name != "getMore") return {};
    if (more++ != 0) return batch(7, "nextBatch", {}, "09");
    return batch(
        7, "nextBatch",
        {change_event("02", "insert", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"s":"a"})"),
         change_event(
             "03", "update",
             R"("documentKey":{"_id":1},"updateDescription":{"updatedFields":{"s":"b"},"removedFields":[],"truncatedArrays":[]},"fullDocument":{"_id":1,"s":"b"})"),
         change_event("04", "update",
                      R"("documentKey":{"_id":2},"updateDescription":{"updatedFields":{"s":"c"}},"fullDocument":null)"),
         change_event("05", "replace", R"("documentKey":{"_id":3},"fullDocument":{"_id":3})"),
         change_event("06", "delete", R"("documentKey":{"_id":3})"),
         change_event("07", "createIndexes", R"("operationDescription":{})")},
        "07");
  }};
  const auto told = read(server);
  ASSERT_FALSE(told.error) << told.error->explain();
  EXPECT_EQ(told.events, (std::vector<std::string>{R"(upsert { "_id" : { "$numberInt" : "1" }, "s" : "a" })",
                                                   R"(upsert { "_id" : { "$numberInt" : "1" }, "s" : "b" })",
                                                   R"(upsert { "_id" : { "$numberInt" : "3" } })",
                                                   R"(delete { "_id" : { "$numberInt" : "3" } })",
                                                   R"(delete { "_id" : { "$numberInt" : "2" } })"}));
  // Nothing new came, and still the position moves: an idle collection does not expire.
  EXPECT_EQ(told.end, R"({ "resumeAfter" : { "_data" : "09" } })");
}

// The last command of that name that the server was sent.
Document sent(const ScriptedServer& server, const std::string& name) {
  Document last;
  for (const auto& command : server.commands()) {
    if (command.has(name)) last = command;
  }
  return last;
}

TEST(ChangeEvents, OfAFilterAndFieldsAreWhatTheServerStillFindsWithThem) {
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name == "find") return batch(0, "firstBatch", {R"({"_id":1,"s":"now"})", R"({"_id":4,"s":"again"})"});
    if (name == "aggregate")
      return batch(
          7, "firstBatch",
          {change_event("02", "insert", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"s":"a","secret":"x"})"),
           change_event("03", "update", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"s":"b","secret":"x"})"),
           change_event("04", "insert", R"("documentKey":{"_id":2},"fullDocument":{"_id":2,"s":"spam"})"),
           change_event("05", "insert", R"("documentKey":{"_id":3},"fullDocument":{"_id":3})"),
           change_event("06", "delete", R"("documentKey":{"_id":3})"),
           change_event("07", "delete", R"("documentKey":{"_id":4})"),
           change_event("08", "insert", R"("documentKey":{"_id":4},"fullDocument":{"_id":4,"s":"c"})", 55)},
          "08");
    return name == "getMore" ? batch(7, "nextBatch", {}, "09") : Document{};
  }};
  CollectionRules rules;
  rules.filter = json(R"({"s":{"$ne":"spam"}})");
  rules.fields = {"s"};
  const auto told = read(server, rules);
  ASSERT_FALSE(told.error) << told.error->explain();
  EXPECT_EQ(told.events, (std::vector<std::string>{R"(delete { "_id" : { "$numberInt" : "3" } })",
                                                   R"(delete { "_id" : { "$numberInt" : "4" } })",
                                                   R"(upsert { "_id" : { "$numberInt" : "1" }, "s" : "now" })",
                                                   R"(upsert { "_id" : { "$numberInt" : "4" }, "s" : "again" })",
                                                   R"(delete { "_id" : { "$numberInt" : "2" } })"}));
  EXPECT_EQ(server.count("find"), 1U);
  const auto find = sent(server, "find");
  EXPECT_EQ(
      find.inner("filter")->text(),
      R"({ "$and" : [ { "s" : { "$ne" : "spam" } }, { "_id" : { "$in" : [ { "$numberInt" : "1" }, { "$numberInt" : "2" }, { "$numberInt" : "4" } ] } } ] })");
  EXPECT_EQ(find.inner("projection")->text(), R"({ "s" : { "$numberInt" : "1" } })");
  // A secondary that lags behind the last event must not answer that the document is not there.
  EXPECT_EQ(find.inner("readConcern").value_or(Document{}).text(),
            R"({ "level" : "majority", "afterClusterTime" : { "$timestamp" : { "t" : 55, "i" : 1 } } })");
  const auto watch = sent(server, "aggregate");
  EXPECT_EQ(watch.integer("pipeline.1.$project.fullDocument"), 0);
  EXPECT_FALSE(watch.has("pipeline.0.$changeStream.fullDocument"));
}

TEST(ChangeEvents, ARunEndsWithWhatHadHappenedWhenItBegan) {
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name == "ping") return json(R"({"ok":1.0,"operationTime":{"$timestamp":{"t":60,"i":1}}})");
    if (name == "aggregate") return batch(7, "firstBatch", {}, "01");
    if (name != "getMore") return {};
    return batch(7, "nextBatch",
                 {change_event("02", "insert", R"("documentKey":{"_id":1},"fullDocument":{"_id":1})"),
                  change_event("03", "insert", R"("documentKey":{"_id":2},"fullDocument":{"_id":2})", 61)},
                 "03");
  }};
  const auto told = read(server);
  ASSERT_FALSE(told.error) << told.error->explain();
  EXPECT_EQ(told.events.size(), 1U);
  EXPECT_EQ(told.end, R"({ "resumeAfter" : { "_data" : "02" } })");
}

TEST(ChangeEvents, AnExpiredTokenAndADroppedCollectionEndTheStreamForGood) {
  ScriptedServer expired{[&](const std::string& name, const Document&) -> Document {
    if (name != "aggregate") return {};
    return failure(286, "Resume of change stream was not possible, as the resume point may no longer be in the oplog.");
  }};
  auto told = read(expired);
  ASSERT_TRUE(told.error);
  EXPECT_EQ(told.error->code(), Code::Conflict);
  EXPECT_TRUE(is_expired(*told.error));
  EXPECT_EQ(told.error->retry(), Retry::Never);
  EXPECT_NE(told.error->explain().find("on_expired"), std::string::npos);

  for (const auto* type : {"drop", "rename", "invalidate"}) {
    ScriptedServer dropped{[&](const std::string& name, const Document&) -> Document {
      if (name == "aggregate")
        return batch(7, "firstBatch", {change_event("02", type, R"("to":{"db":"support","coll":"other"})")}, "02");
      return name == "getMore" ? batch(0, "nextBatch", {}, "03") : Document{};
    }};
    told = read(dropped);
    ASSERT_TRUE(told.error) << type;
    EXPECT_TRUE(is_expired(*told.error)) << told.error->text();
  }
}

TEST(Cursors, OneThatTheServerGaveUpIsWorthAnotherAttempt) {
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name == "find") return batch(7, "firstBatch", {R"({"_id":1})"});
    return name == "getMore" ? failure(43, "cursor id 7 not found") : Document{};
  }};
  const auto session = connect(server.url());
  auto cursor = session->find("tickets", {}, {}, {}).value();
  ASSERT_TRUE(cursor.next({}).value().has_value());
  const auto second = cursor.next({});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::Unavailable);
  EXPECT_EQ(second.error().retry(), Retry::Later);
}

TEST(Cursors, APrimaryThatStepsDownIsAskedAgain) {
  std::atomic<int> finds = 0;
  std::atomic<int> failures = 1;
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name != "find") return {};
    return finds++ < failures ? failure(10107, "not primary") : batch(0, "firstBatch", {R"({"_id":1})"});
  }};
  {
    const auto session = connect(server.url());
    EXPECT_TRUE(session->find("tickets", {}, {}, {}).value().next({}).value().has_value());
    EXPECT_EQ(finds, 2);
  }
  failures = 1'000;
  const auto session = connect(server.url());
  const auto found = session->find("tickets", {}, {}, {}).value().next({});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::Unavailable);
  EXPECT_EQ(found.error().retry(), Retry::Later);
}

// Two members of a replica set; the first is its primary until a test says otherwise.
class ReplicaSet : public ::testing::Test {
 protected:
  void SetUp() override { ScriptedServer::unite({&first_, &second_}, primary_); }

  std::unique_ptr<Session> connect_to_all(const Json& more = Json::object()) const {
    Json settings = {{"url", fmt::format("mongodb://127.0.0.1:{},127.0.0.1:{}/support?replicaSet=rs0", first_.port(),
                                         second_.port())},
                     {"server_timeout", "5s"}};
    settings.update(more);
    return Session::open(address_from(Settings{settings}).value()).value();
  }
  static std::string first_document(Session& session) {
    auto cursor = session.find("tickets", {}, {}, {}).value();
    const auto document = cursor.next({});
    if (!document.ok()) return document.error().text();
    return *document ? Document::from(**document).text("from") : "nothing";
  }
  Document answer(std::size_t member, const std::string& name) {
    if (name != "find") return {};
    if (steps_down_) primary_ = 1;
    if (member == 0 && steps_down_) return failure(10107, "not primary");
    return batch(0, "firstBatch", {fmt::format(R"({{"_id":1,"from":"{}"}})", member == 0 ? "first" : "second")});
  }

  std::atomic<std::size_t> primary_ = 0;
  std::atomic<bool> steps_down_ = false;
  ScriptedServer first_{[this](const std::string& name, const Document&) { return answer(0, name); }};
  ScriptedServer second_{[this](const std::string& name, const Document&) { return answer(1, name); }};
};

TEST_F(ReplicaSet, TheReadPreferenceSaysWhichMemberIsAsked) {
  EXPECT_EQ(first_document(*connect_to_all()), "first");
  EXPECT_EQ(first_document(*connect_to_all({{"read_preference", "secondary"}})), "second");
  EXPECT_EQ(first_document(*connect_to_all({{"read_preference", "secondaryPreferred"}})), "second");
  EXPECT_EQ(first_document(*connect_to_all({{"read_preference", "primaryPreferred"}})), "first");
  EXPECT_EQ(first_.count("find"), 2U);
  EXPECT_EQ(second_.count("find"), 2U);
}

TEST_F(ReplicaSet, WhenThePrimaryStepsDownTheNewOneIsFoundAndAsked) {
  const auto session = connect_to_all();
  EXPECT_EQ(first_document(*session), "first");
  steps_down_ = true;
  EXPECT_EQ(first_document(*session), "second");
  EXPECT_EQ(first_.count("find"), 2U);
  EXPECT_EQ(second_.count("find"), 1U);
}

// libmongoc looks at a member that it knows once more, with its topology locked, and would lock it again for one that refuses.
TEST_F(ReplicaSet, WhenAllMembersAreGoneThatIsSaidInTime) {
  const auto session = connect_to_all({{"server_timeout", "1s"}});
  EXPECT_EQ(first_document(*session), "first");
  second_.end();
  steps_down_ = true;
#if defined(__SANITIZE_ADDRESS__)
  // libmongoc 1.23.1 loses its reply when it repeats a command and finds no server.
  const __lsan::ScopedDisabler not_ours;
#endif
  const auto said = first_document(*session);
  EXPECT_NE(said.find("does not answer: No suitable servers found"), std::string::npos) << said;
  EXPECT_NE(said.find(fmt::format("connection refused calling hello on '127.0.0.1:{}'", second_.port())),
            std::string::npos)
      << said;
  first_.end();
  const auto found = session->find("tickets", {}, {}, {}).value().next({});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::Unavailable) << found.error().text();
  EXPECT_EQ(found.error().retry(), Retry::Later);
}

TEST(Sessions, GossipTheClusterTime) {
  ScriptedServer server{[](const std::string&, const Document&) { return Document{}; }};
  const auto session = connect(server.url());
  ASSERT_TRUE(session->read(Document{}.add("ping", 1), {}).ok());
  const auto commands = server.commands();
  ASSERT_FALSE(commands.empty());
  EXPECT_TRUE(commands.front().has("$clusterTime.clusterTime")) << commands.front().text();
  EXPECT_TRUE(commands.front().has("lsid.id"));
}

TEST(Sessions, AStopEndsAWaitAtOnce) {
  std::stop_source stop;
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name == "ping") stop.request_stop();  // and then the answer comes, to nobody
    return {};
  }};
  const auto session = connect(server.url());
  const auto answer = session->read(Document{}.add("ping", 1), stop.get_token());
  if (!answer.ok()) {
    EXPECT_EQ(answer.error().code(), Code::Cancelled);
  }
  EXPECT_EQ(session->read(Document{}.add("ping", 1), stop.get_token()).error().code(), Code::Cancelled);
}

// What the stand-in would mend on its way in: such documents are in collections that old drivers wrote.
TEST(Snapshots, KeepWhatIsDamagedAsRejectsWithAllOfIt) {
  ScriptedTickets tickets;
  tickets.documents.resize(6);
  tickets.documents[0].add("_id", 1).add("text", "good");
  tickets.documents[1].add("_id", 2).add("text", "one").add("text", "two");
  tickets.documents[2].add("_id", 3).add("text", std::string_view{"\xff\xfe"});
  tickets.documents[3].add("text", "nameless");
  tickets.documents[4].add("text", "nameless too");
  tickets.documents[5].add("text", "nameless");
  const auto source = mongodb_connector()
                          .open_source({.connection = {"crm", "mongodb", Settings{Json{{"url", tickets.url()}}}},
                                        .project_folder = "."})
                          .value();
  using flow::testing::Table;
  EXPECT_EQ(flow::testing::read_all(*source, {.stream = "tickets"}).value(), (Table{{"1", "good"}}));
  const auto rejects = flow::testing::read_all(*source, {.stream = "tickets._rejects"}, 4).value();
  ASSERT_EQ(rejects.size(), 5U);
  EXPECT_EQ(*rejects[0][1], "text: a name that its object has twice");
  EXPECT_EQ(*rejects[0][2], R"({"_id":{"$numberInt":"2"},"text":"one","text":"two"})");
  EXPECT_EQ(*rejects[1][1], "text: a text that is not UTF-8");
  EXPECT_NE(rejects[1][3]->find("fffe"), std::string::npos) << *rejects[1][3];
  EXPECT_EQ(*rejects[2][1], "_id: the key has no value");
  // No two of them are one to a merge.
  EXPECT_EQ(*rejects[2][0], "sha256:519ab0c224b2e521ea8979bc4e901824248a05213de14427ef9580493d6ac0b9");
  EXPECT_NE(*rejects[3][0], *rejects[2][0]);
  EXPECT_EQ(*rejects[4][0], *rejects[2][0] + "#2");
  EXPECT_EQ(tickets.server().count("find"), 1U);
}

// What a run that follows the changes of tickets reads.
Result<flow::testing::ChangesRead> run(ScriptedTickets& tickets, const std::optional<flow::Checkpoint>& from,
                                       const Json& more = Json::object(), const std::string& stream = "tickets") {
  Json settings = {{"url", tickets.url()}, {"follow", "changes"}};
  settings.update(more);
  const auto source = WEIR_TRY(
      mongodb_connector().open_source({.connection = {"crm", "mongodb", Settings{settings}}, .project_folder = "."}));
  return flow::testing::read_changes(*source, stream, from);
}

using Lines = std::vector<std::string>;

TEST(Handoff, ASnapshotSeesAtLeastWhatTheStreamBeginsBehind) {
  ScriptedTickets tickets;
  tickets.documents = {json(R"({"_id":1,"s":"a"})")};
  ASSERT_EQ(run(tickets, std::nullopt, {{"read_preference", "secondaryPreferred"}}).value().lines, (Lines{"u 1|a"}));
  EXPECT_EQ(sent(tickets.server(), "find").inner("readConcern").value_or(Document{}).text(),
            R"({ "level" : "majority", "afterClusterTime" : { "$timestamp" : { "t" : 100, "i" : 2 } } })");
  // The position is older than all that was read.
  Lines order;
  for (const auto& command : tickets.server().commands()) {
    if (command.has("aggregate")) order.emplace_back("position");
    if (command.has("find")) order.emplace_back("documents");
  }
  EXPECT_EQ(order, (Lines{"position", "documents"}));
}

TEST(Handoff, WhatChangesWhileTheSnapshotIsReadIsToldByTheNextRun) {
  ScriptedTickets tickets;
  tickets.documents = {json(R"({"_id":1,"s":"a"})"), json(R"({"_id":2,"s":"b"})"), json(R"({"_id":4,"s":"d"})")};
  tickets.batch_documents = 2;
  tickets.amid_snapshot = [&] {
    tickets.tell("update", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"s":"new"})");
    tickets.tell("delete", R"("documentKey":{"_id":2})");
    tickets.tell("insert", R"("documentKey":{"_id":3},"fullDocument":{"_id":3,"s":"c"})");
    return Document{};
  };
  const auto first = run(tickets, std::nullopt).value();
  EXPECT_EQ(first.lines, (Lines{"u 1|a", "u 2|b", "u 4|d"}));
  const auto second = run(tickets, first.end).value();
  EXPECT_EQ(second.lines, (Lines{"u 1|new", "d 2", "u 3|c"}));
  EXPECT_EQ(run(tickets, second.end).value().lines, Lines{});
}

TEST(Handoff, ACollectionThatIsDroppedAndMadeAgainWhileItIsReadIsNotTheSame) {
  ScriptedTickets tickets;
  tickets.documents = {json(R"({"_id":1,"s":"a"})"), json(R"({"_id":2,"s":"a"})")};
  tickets.batch_documents = 1;
  tickets.amid_snapshot = [&] {
    tickets.uuid = "AAAAAAAAAAAAAAAAAAAAAg==";
    return Document{};
  };
  const auto failed = run(tickets, std::nullopt);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::Conflict);
  EXPECT_NE(failed.error().text().find("collection tickets was dropped or renamed while it was read"),
            std::string::npos)
      << failed.error().text();
}

TEST(Handoff, UpdatesReplacementsAndDeletesBecomeRowsThatMerge) {
  ScriptedTickets tickets;
  tickets.documents = {json(R"({"_id":1,"s":"a"})"), json(R"({"_id":2,"s":"b"})")};
  const auto first = run(tickets, std::nullopt).value();
  tickets.tell(
      "update",
      R"("documentKey":{"_id":1},"updateDescription":{"updatedFields":{"s":"c"}},"fullDocument":{"_id":1,"s":"c"})");
  tickets.tell("replace", R"("documentKey":{"_id":2},"fullDocument":{"_id":2,"s":"d"})");
  tickets.tell("delete", R"("documentKey":{"_id":1})");
  EXPECT_EQ(run(tickets, first.end).value().lines, (Lines{"u 1|c", "u 2|d", "d 1"}));
}

TEST(Handoff, AChangedDocumentThatFitsNoLongerLeavesItsTableAndStaysAReject) {
  ScriptedTickets tickets;
  tickets.documents = {json(R"({"_id":1,"s":"a"})")};
  const auto first = run(tickets, std::nullopt).value();
  tickets.tell("update", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"s":"b\u0000"})");
  EXPECT_EQ(run(tickets, first.end).value().lines, (Lines{"d 1"}));
  const auto rejects = run(tickets, first.end, Json::object(), "tickets._rejects").value().lines;
  ASSERT_EQ(rejects.size(), 2U);
  EXPECT_TRUE(rejects[0].starts_with("d ")) << rejects[0];
  EXPECT_TRUE(rejects[1].starts_with("u {\"$numberInt\":\"1\"}|s: a text with the character U+0000")) << rejects[1];
}

TEST(Handoff, AnExpiredPositionIsSaidAndReadAgainOnlyWhenTheUserSaysSo) {
  for (const int code : {286, 280, 260}) {
    for (const bool reads_again : {false, true}) {
      const auto more = reads_again ? Json{{"on_expired", "snapshot"}} : Json::object();
      ScriptedTickets tickets;
      tickets.documents = {json(R"({"_id":1,"s":"a"})")};
      const auto first = run(tickets, std::nullopt, more).value();
      tickets.documents = {json(R"({"_id":1,"s":"b"})"), json(R"({"_id":2,"s":"c"})")};
      tickets.refusal = failure(code, "the resume point may no longer be in the oplog");
      const auto second = run(tickets, first.end, more);
      if (reads_again) {
        ASSERT_TRUE(second.ok()) << code << second.error().explain();
        EXPECT_EQ(second->lines, (Lines{"u 1|b", "u 2|c"}));
        EXPECT_EQ(second->continuity, flow::Stream::Continuity::StartsOver);
        // The run after it goes on from a new position.
        tickets.refusal = {};
        tickets.tell("delete", R"("documentKey":{"_id":2})");
        EXPECT_EQ(run(tickets, second->end, more).value().lines, (Lines{"d 2"}));
      } else {
        ASSERT_FALSE(second.ok()) << code;
        EXPECT_EQ(second.error().code(), Code::Conflict) << code;
        EXPECT_EQ(second.error().retry(), Retry::Never) << code;
        EXPECT_NE(second.error().explain().find("on_expired: snapshot"), std::string::npos) << second.error().explain();
        EXPECT_EQ(tickets.server().count("find"), 1U) << "nothing is read again";
      }
    }
  }
}

TEST(Sessions, SignInWithScram) {
  for (const std::string mechanism : {"SCRAM-SHA-256", "SCRAM-SHA-1"}) {
    for (const std::string password : {"pencil", "planted-wrong"}) {
      // Stated, or what the server offers.
      for (const auto& options : {"&authMechanism=" + mechanism, std::string{}}) {
        SCOPED_TRACE(fmt::format("{} {} {}", mechanism, password, options));
        Scram scram{mechanism};
        ScriptedServer server{
            [&](const std::string& name, const Document& command) { return scram.answer(name, command); }};
        server.offer(mechanism);
        const auto session = connect(server.url(fmt::format("weir:{}@", password), options));
        const auto answer = session->read(Document{}.add("ping", 1), {});
        EXPECT_EQ(sent(server, "saslStart").text("mechanism"), mechanism);
        if (password == "pencil") {
          EXPECT_TRUE(answer.ok()) << answer.error().explain();
          continue;
        }
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.error().code(), Code::AccessDenied) << answer.error().explain();
        EXPECT_EQ(answer.error().explain().find("planted"), std::string::npos);
        EXPECT_EQ(server.count("ping"), 0U);
      }
    }
  }
}

class TlsSessions : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("weir-mongo-tls-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    const auto files = net::make_certificate(folder_, "server");
    certificate_ = files.certificate.string();
    server_ = std::make_unique<ScriptedServer>([](const std::string&, const Document&) { return Document{}; },
                                               net::TlsIdentity::load(files.certificate, files.key).value());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Result<Document> ping(const std::string& url, Json more = Json::object()) {
    more.update({{"url", url}, {"server_timeout", "500ms"}});
    const auto session = Session::open(WEIR_TRY(address_from(Settings{more})));
    return (*session)->read(Document{}.add("ping", 1), {});
  }
  static void expect_refused(const Result<Document>& answer, const std::string& why) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), Code::Unavailable);
    EXPECT_NE(answer.error().text().find(why), std::string::npos) << answer.error().text();
    EXPECT_NE(answer.error().explain().find("check the server's certificate, tls_ca_file"), std::string::npos)
        << answer.error().explain();
  }

  std::filesystem::path folder_;
  std::string certificate_;
  std::unique_ptr<ScriptedServer> server_;
};

TEST_F(TlsSessions, TrustWhomTheFileNames) {
  const auto answer = ping(server_->url(), {{"tls_ca_file", certificate_}});
  EXPECT_TRUE(answer.ok()) << answer.error().explain();
  EXPECT_EQ(server_->count("ping"), 1U);
}

TEST_F(TlsSessions, RefuseACertificateOfAnAuthorityThatNobodyTrusts) {
  expect_refused(ping(server_->url("", "&tls=true")), "certificate verify failed");
  EXPECT_EQ(server_->count("ping"), 0U);
}

TEST_F(TlsSessions, RefuseACertificateOfAnotherHost) {
  auto url = server_->url();
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  expect_refused(ping(url, {{"tls_ca_file", certificate_}}), "TLS");
  const auto answer = ping(url + "&tlsAllowInvalidHostnames=true", {{"tls_ca_file", certificate_}});
  EXPECT_TRUE(answer.ok()) << answer.error().explain();
}

TEST_F(TlsSessions, AServerThatSpeaksNoneIsNotSpokenToInTheClear) {
  ScriptedServer clear{[](const std::string&, const Document&) { return Document{}; }};
  EXPECT_FALSE(ping(clear.url("", "&tls=true")).ok());
  EXPECT_TRUE(clear.commands().empty());
}

}  // namespace
}  // namespace weir::mongodb
