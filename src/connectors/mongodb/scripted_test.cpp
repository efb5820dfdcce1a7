#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "connectors/mongodb/changes.hpp"
#include "connectors/mongodb/connector.hpp"
#include "connectors/mongodb/scripted_server.hpp"
#include "connectors/mongodb/session.hpp"
#include "flow/text_tables.hpp"

// What no server that can be had does: conversations in the shapes that MongoDB's manual documents.
namespace weir::mongodb {
namespace {

using testing::batch;
using testing::failure;
using testing::json;
using testing::ScriptedServer;

std::unique_ptr<Session> connect(const std::string& url) {
  return Session::open(address_from(Settings{Json{{"url", url}, {"server_timeout", "2s"}}}).value()).value();
}

// Reads changes from a token; each as "upsert <document>" or "delete <key>".
struct Told {
  std::vector<std::string> events;
  std::optional<Error> error;
  std::string end;
};
Told read(const ScriptedServer& server) {
  const auto session = connect(server.url());
  Told told;
  ChangePosition from;
  from.token = json(R"({"resumeAfter":{"_data":"01"}})");
  const auto end =
      read_changes(*session, "tickets", from,
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

std::string event(const std::string& token, const std::string& type, const std::string& rest, int at = 50) {
  return fmt::format(
      R"({{"_id":{{"_data":"{}"}},"operationType":"{}","clusterTime":{{"$timestamp":{{"t":{},"i":1}}}},"ns":{{"db":"support","coll":"tickets"}},{}}})",
      token, type, at, rest);
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
        {event("02", "insert", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"s":"a"})"),
         event(
             "03", "update",
             R"("documentKey":{"_id":1},"updateDescription":{"updatedFields":{"s":"b"},"removedFields":[],"truncatedArrays":[]},"fullDocument":{"_id":1,"s":"b"})"),
         event("04", "update",
               R"("documentKey":{"_id":2},"updateDescription":{"updatedFields":{"s":"c"}},"fullDocument":null)"),
         event("05", "replace", R"("documentKey":{"_id":3},"fullDocument":{"_id":3})"),
         event("06", "delete", R"("documentKey":{"_id":3})"),
         event("07", "createIndexes", R"("operationDescription":{})")},
        "07");
  }};
  const auto told = read(server);
  ASSERT_FALSE(told.error) << told.error->explain();
  EXPECT_EQ(told.events, (std::vector<std::string>{R"(upsert { "_id" : { "$numberInt" : "1" }, "s" : "a" })",
                                                   R"(upsert { "_id" : { "$numberInt" : "1" }, "s" : "b" })",
                                                   R"(delete { "_id" : { "$numberInt" : "2" } })",
                                                   R"(upsert { "_id" : { "$numberInt" : "3" } })",
                                                   R"(delete { "_id" : { "$numberInt" : "3" } })"}));
  // Nothing new came, and still the position moves: an idle collection does not expire.
  EXPECT_EQ(told.end, R"({ "resumeAfter" : { "_data" : "09" } })");
}

TEST(ChangeEvents, ARunEndsWithWhatHadHappenedWhenItBegan) {
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name == "ping") return json(R"({"ok":1.0,"operationTime":{"$timestamp":{"t":60,"i":1}}})");
    if (name == "aggregate") return batch(7, "firstBatch", {}, "01");
    if (name != "getMore") return {};
    return batch(7, "nextBatch",
                 {event("02", "insert", R"("documentKey":{"_id":1},"fullDocument":{"_id":1})"),
                  event("03", "insert", R"("documentKey":{"_id":2},"fullDocument":{"_id":2})", 61)},
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
        return batch(7, "firstBatch", {event("02", type, R"("to":{"db":"support","coll":"other"})")}, "02");
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
  std::vector<Document> documents(4);
  documents[0].add("_id", 1).add("text", "good");
  documents[1].add("_id", 2).add("text", "one").add("text", "two");
  documents[2].add("_id", 3).add("text", std::string_view{"\xff\xfe"});
  documents[3].add("text", "nameless");
  ScriptedServer server{[&](const std::string& name, const Document&) -> Document {
    if (name == "listCollections")
      return batch(0, "firstBatch", {R"({"name":"tickets","type":"collection","options":{},"info":{}})"});
    if (name == "count") return json(R"({"ok":1.0,"n":4})");
    if (name != "find") return {};
    Document cursor;
    cursor.add("id", std::int64_t{0}).add("ns", "support.tickets").add_list("firstBatch", documents);
    return std::move(Document{}.add("cursor", cursor));
  }};
  const auto source =
      mongodb_connector()
          .open_source({.connection = {"crm", "mongodb", Settings{Json{{"url", server.url()}}}}, .project_folder = "."})
          .value();
  using flow::testing::Table;
  EXPECT_EQ(flow::testing::read_all(*source, {.stream = "tickets"}).value(), (Table{{"1", "good"}}));
  const auto rejects = flow::testing::read_all(*source, {.stream = "tickets._rejects"}).value();
  ASSERT_EQ(rejects.size(), 3U);
  EXPECT_EQ(*rejects[0][1], "text: a name that its object has twice");
  EXPECT_EQ(*rejects[0][2], R"({"_id":{"$numberInt":"2"},"text":"one","text":"two"})");
  EXPECT_EQ(*rejects[1][1], "text: a text that is not UTF-8");
  EXPECT_NE(rejects[1][3]->find("fffe"), std::string::npos) << *rejects[1][3];
  EXPECT_EQ(*rejects[2][1], "_id: the key has no value");
  EXPECT_EQ(server.count("find"), 1U);
}

// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for the password "pencil".
class Scram {
 public:
  Document answer(const std::string& name, const Document& command) {
    if (name == "saslStart") return first(payload(command));
    if (name == "saslContinue") return last(payload(command));
    return {};
  }

 private:
  using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

  static std::string payload(const Document& command) {
    bson_iter_t found;
    const std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    if (find(command.bytes(), "payload", found)) bson_iter_binary(&found, nullptr, &size, &data);
    return {reinterpret_cast<const char*>(data), size};
  }
  static Document reply(const std::string& text, bool done) {
    Document document;
    bson_append_double(document.get(), "ok", -1, 1.0);
    document.add("conversationId", 1).add("done", done);
    bson_append_binary(document.get(), "payload", -1, BSON_SUBTYPE_BINARY,
                       reinterpret_cast<const std::uint8_t*>(text.data()), static_cast<std::uint32_t>(text.size()));
    return document;
  }
  static std::string base64(const Digest& digest) {
    std::string text(45, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), digest.data(), static_cast<int>(digest.size()));
    text.resize(44);
    return text;
  }
  static Digest hmac(const Digest& key, std::string_view text) {
    Digest out{};
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), out.data(), &size);
    return out;
  }

  Document first(const std::string& text) {
    client_first_ = text.substr(3);  // without "n,,"
    const auto nonce = client_first_.substr(client_first_.find("r=") + 2);
    nonce_ = nonce + "server";
    server_first_ = "r=" + nonce_ + ",s=c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdA==,i=4096";
    return reply(server_first_, false);
  }

  Document last(const std::string& text) {
    if (text.empty()) return reply("", true);
    Digest salted{};
    const std::string salt = "saltsaltsaltsaltsaltsaltsalt";  // libmongoc insists on 28 bytes
    PKCS5_PBKDF2_HMAC("pencil", 6, reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                      4096, EVP_sha256(), static_cast<int>(salted.size()), salted.data());
    const auto without_proof = text.substr(0, text.find(",p="));
    const auto message = client_first_ + "," + server_first_ + "," + without_proof;
    auto proof = hmac(salted, "Client Key");
    Digest stored{};
    SHA256(proof.data(), proof.size(), stored.data());
    const auto signature = hmac(stored, message);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= signature[i];
    if (text.substr(text.find(",p=") + 3) != base64(proof)) return failure(18, "Authentication failed.");
    return reply("v=" + base64(hmac(hmac(salted, "Server Key"), message)), true);
  }

  std::string client_first_;
  std::string server_first_;
  std::string nonce_;
};

TEST(Sessions, SignInWithScramSha256) {
  for (const auto* password : {"pencil", "planted-wrong"}) {
    Scram scram;
    ScriptedServer server{
        [&](const std::string& name, const Document& command) { return scram.answer(name, command); }};
    server.offer_scram();
    const auto session = connect(server.url(fmt::format("weir:{}@", password), "&authMechanism=SCRAM-SHA-256"));
    const auto answer = session->read(Document{}.add("ping", 1), {});
    if (std::string{password} == "pencil") {
      EXPECT_TRUE(answer.ok()) << answer.error().explain();
    } else {
      ASSERT_FALSE(answer.ok());
      EXPECT_EQ(answer.error().code(), Code::AccessDenied) << answer.error().explain();
      EXPECT_EQ(answer.error().explain().find("planted"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace weir::mongodb
