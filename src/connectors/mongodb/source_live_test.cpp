#include <gtest/gtest.h>
#include <unistd.h>

#include "connectors/mongodb/bson_type.hpp"
#include "connectors/mongodb/live_server.hpp"

namespace weir::mongodb {
namespace {

using live::Table;

class MongoSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (live::server_url().empty()) GTEST_SKIP() << "no server: Java or Maven is missing";
    database_ = std::make_unique<live::TestDatabase>();
  }

  std::unique_ptr<flow::Source> open(const Json& settings = Json::object()) const {
    return mongodb_connector().open_source(database_->context(settings)).value();
  }
  static Result<Table> rows(flow::Source& source, const std::string& stream, int partitions = 1) {
    return live::read_all(source, {.stream = stream}, partitions);
  }
  static std::vector<std::string> streams(flow::Source& source) {
    const auto found = source.discover({}).value();
    std::vector<std::string> names;
    for (const auto& stream : found) names.push_back(stream.name);
    return names;
  }
  static std::string schema(flow::Source& source, const std::string& stream) {
    const auto described = source.describe({.stream = stream}, {});
    return described.ok() ? described->schema.text() : described.error().text();
  }
  static flow::testing::ChangesRead changes(flow::Source& source, const std::string& stream,
                                            const std::optional<flow::Checkpoint>& from) {
    return flow::testing::read_changes(source, stream, from).value();
  }

  std::unique_ptr<live::TestDatabase> database_;
};

TEST_F(MongoSourceTest, ACollectionIsATableAndItsListsAreOthers) {
  database_->insert("tickets",
                    {R"({"_id":1,"status":"open","device":{"os":"linux"},"messages":[{"text":"a"},{"text":"b"}]})",
                     R"({"_id":2,"status":"closed","tags":["x"]})"});
  const auto source = open();
  EXPECT_EQ(streams(*source), (std::vector<std::string>{"tickets", "tickets._rejects"}));
  EXPECT_EQ(schema(*source, "tickets"), "_id int64 not null, status string, device_os string");
  EXPECT_EQ(rows(*source, "tickets").value(), (Table{{"1", "open", "linux"}, {"2", "closed", std::nullopt}}));
  EXPECT_EQ(rows(*source, "tickets.messages").value(), (Table{{"1", "0", "a"}, {"1", "1", "b"}}));
  EXPECT_EQ(rows(*source, "tickets.tags").value(), (Table{{"2", "0", "x"}}));
  EXPECT_EQ(streams(*source),
            (std::vector<std::string>{"tickets", "tickets.messages", "tickets.tags", "tickets._rejects"}));
  EXPECT_EQ(source->describe({.stream = "nothing"}, {}).error().code(), Code::NotFound);
}

TEST_F(MongoSourceTest, RangesReadEveryDocumentOnce) {
  std::vector<std::string> documents;
  for (int i = 0; i < 1'000; ++i) documents.push_back(fmt::format(R"({{"_id":{},"n":{}}})", i, i % 7));
  database_->insert("many", documents);
  auto context = database_->context({{"range_documents", 100}, {"readers", 3}});
  context.run_folder = std::filesystem::temp_directory_path() / fmt::format("weir-mongo-ranges-{}", ::getpid());
  // The stand-in takes no sample now and then, and is read in one range then.
  std::size_t ranges = 1;
  for (int attempt = 0; attempt < 20 && ranges == 1; ++attempt) {
    const auto source = mongodb_connector().open_source(context).value();
    const auto table = rows(*source, "many", 4).value();
    std::set<std::string> ids;
    for (const auto& row : table) ids.insert(*row[0]);
    EXPECT_EQ(table.size(), 1'000U);
    EXPECT_EQ(ids.size(), 1'000U);
    ranges = 0;
    for (const auto& entry : std::filesystem::directory_iterator(context.run_folder / "documents" / "mongo" / "many"))
      ranges += entry.path().filename().string().starts_with("part-") ? 1 : 0;
    std::filesystem::remove_all(context.run_folder);
  }
  EXPECT_GT(ranges, 5U);
}

TEST_F(MongoSourceTest, IdsOfSeveralTypesAreReadAll) {
  std::vector<std::string> documents{R"({"_id":"text"})", R"({"_id":{"$oid":"65e1b2c3d4e5f60718293a4b"}})",
                                     R"({"_id":{"a":1}})"};
  for (int i = 0; i < 50; ++i) documents.push_back(fmt::format(R"({{"_id":{}}})", i));
  database_->insert("mixed", documents);
  const auto source = open({{"range_documents", 10}});
  EXPECT_EQ(schema(*source, "mixed"), "_id string not null");
  EXPECT_EQ(rows(*source, "mixed").value().size(), 53U);
}

TEST_F(MongoSourceTest, FilterAndFieldsAreTheServers) {
  database_->insert("tickets",
                    {R"({"_id":1,"status":"open","text":"a"})", R"({"_id":2,"status":"closed","text":"b"})"});
  const auto source = open({{"collections", {{"tick*", {{"filter", {{"status", "open"}}}, {"fields", {"text"}}}}}}});
  EXPECT_EQ(schema(*source, "tickets"), "_id int64 not null, text string");
  EXPECT_EQ(rows(*source, "tickets").value(), (Table{{"1", "a"}}));
}

TEST_F(MongoSourceTest, WhatFitsNowhereIsRejectedWithItsReasonAndAllOfIt) {
  database_->insert("notes", {R"({"_id":1,"text":"good"})", R"({"_id":2,"text":"a\u0000b"})",
                              R"({"_id":3,"at":{"$date":{"$numberLong":"9223372036854775807"}}})"});
  const auto source = open();
  EXPECT_EQ(rows(*source, "notes").value(), (Table{{"1", "good"}}));
  const auto rejects = rows(*source, "notes._rejects").value();
  ASSERT_EQ(rejects.size(), 2U);
  EXPECT_EQ(*rejects[0][0], R"({"$numberInt":"2"})");
  EXPECT_EQ(*rejects[0][1], "text: a text with the character U+0000");
  EXPECT_EQ(*rejects[0][2], R"({"_id":{"$numberInt":"2"},"text":"a\u0000b"})");
  EXPECT_EQ(*rejects[1][1], "at: a date outside of the years 1 to 9999");
  const auto kept = open({{"nul_text", "keep"}});
  EXPECT_EQ(rows(*kept, "notes").value().size(), 2U);
}

TEST_F(MongoSourceTest, ContractsRejectOrFail) {
  database_->insert("notes", {R"({"_id":1,"n":1})", R"({"_id":2,"n":"x"})"});
  const auto discarding =
      open({{"collections", {{"notes", {{"columns", {{"n", "int32"}}}, {"contract", {{"types", "discard_row"}}}}}}}});
  EXPECT_EQ(rows(*discarding, "notes").value(), (Table{{"1", "1"}}));
  EXPECT_EQ(*rows(*discarding, "notes._rejects").value()[0][1], "n: int32 does not hold \"x\"");
  const auto freezing =
      open({{"collections", {{"notes", {{"columns", {{"n", "int32"}}}, {"contract", {{"types", "freeze"}}}}}}}});
  EXPECT_EQ(rows(*freezing, "notes").error().code(), Code::TypeMismatch);
}

TEST_F(MongoSourceTest, LargeAndDeepDocumentsPass) {
  std::string deep = "1";
  for (int i = 0; i < 95; ++i) {
    deep.insert(0, R"({"o":)");
    deep += '}';
  }
  database_->insert("extremes", {R"({"_id":1,"o":)" + deep + "}"});
  Document large;
  large.add("_id", 2).add("text", std::string(kDocumentBytesMax - 64, 'x'));
  database_->insert("extremes", large.bytes());
  const auto source = open();
  const auto table = rows(*source, "extremes").value();
  ASSERT_EQ(table.size(), 2U);
  std::size_t longest = 0;
  for (const auto& row : table)
    for (const auto& cell : row) longest = std::max(longest, cell ? cell->size() : 0);
  EXPECT_EQ(longest, kDocumentBytesMax - 64);
}

TEST_F(MongoSourceTest, ACursorReadsWhatIsNew) {
  const Json settings = {{"collections", {{"events", {{"cursor", {{"path", "at"}}}}}}}};
  database_->insert("events", {R"({"_id":1,"at":10})", R"({"_id":2,"at":20})"});
  const auto first = changes(*open(settings), "events", std::nullopt);
  EXPECT_EQ(first.lines, (std::vector<std::string>{"u 1|10", "u 2|20"}));
  ASSERT_TRUE(first.end);
  // At the last value: one that was there, one that came since.
  database_->insert("events", {R"({"_id":3,"at":20})", R"({"_id":4,"at":15})", R"({"_id":5,"at":30})"});
  const auto second = changes(*open(settings), "events", first.end);
  EXPECT_EQ(second.lines, (std::vector<std::string>{"u 3|20", "u 5|30"}));
  const auto third = changes(*open(settings), "events", second.end);
  EXPECT_EQ(third.lines, std::vector<std::string>{});
  EXPECT_EQ(third.end, second.end);
}

TEST_F(MongoSourceTest, AnAttemptGoesOnWithWhatIsOnDisk) {
  std::vector<std::string> documents;
  for (int i = 0; i < 100; ++i) documents.push_back(fmt::format(R"({{"_id":{}}})", i));
  database_->insert("many", documents);
  auto context = database_->context({{"range_documents", 20}, {"readers", 1}});
  context.run_folder = std::filesystem::temp_directory_path() / fmt::format("weir-mongo-resume-{}", ::getpid());
  const auto read = [&] {
    const auto source = mongodb_connector().open_source(context).value();
    return rows(*source, "many").value().size();
  };
  EXPECT_EQ(read(), 100U);
  // What a process leaves that was killed in the last range; in the meantime the first range has changed.
  const auto folder = context.run_folder / "documents" / "mongo" / "many";
  auto last = folder;
  std::size_t parts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("part-")) continue;
    ++parts;
    last = std::max(last, entry.path());
  }
  EXPECT_GT(parts, 2U);
  std::filesystem::resize_file(last, std::filesystem::file_size(last) - 1);
  database_->run(R"({"delete":"many","deletes":[{"q":{"_id":0},"limit":1}]})");
  EXPECT_EQ(read(), 100U);
  std::filesystem::remove_all(context.run_folder);
}

TEST_F(MongoSourceTest, ChangesGoOnWithoutAGap) {
  const Json settings = {{"follow", "changes"}};
  database_->insert("tickets", {R"({"_id":1,"s":"a","messages":[{"t":"x"},{"t":"y"}]})", R"({"_id":2,"s":"b"})"});
  const auto source = open(settings);
  const auto first = changes(*source, "tickets", std::nullopt);
  EXPECT_EQ(first.lines, (std::vector<std::string>{"u 1|a", "u 2|b"}));
  const auto messages = changes(*source, "tickets.messages", std::nullopt);
  EXPECT_EQ(messages.lines, (std::vector<std::string>{"d 1|0", "u 1|0|x", "u 1|1|y", "d 2|0"}));
  database_->insert("tickets", {R"({"_id":3,"s":"c","messages":[{"t":"z"}]})"});
  database_->run(R"({"delete":"tickets","deletes":[{"q":{"_id":2},"limit":1}]})");
  const auto next = open(settings);
  // The stand-in's clock of changes has seconds: it tells again what is in the snapshot, which changes nothing.
  const auto news = [](std::vector<std::string> rows, std::ptrdiff_t repeated) {
    if (live::is_stand_in()) rows.erase(rows.begin(), rows.begin() + repeated);
    return rows;
  };
  const auto second = changes(*next, "tickets", first.end);
  EXPECT_EQ(news(second.lines, 2), (std::vector<std::string>{"u 3|c", "d 2"}));
  EXPECT_EQ(news(changes(*next, "tickets.messages", messages.end).lines, 4),
            (std::vector<std::string>{"d 3|0", "u 3|0|z", "d 2|0"}));
  EXPECT_EQ(changes(*open(settings), "tickets", second.end).lines, std::vector<std::string>{});
}

TEST_F(MongoSourceTest, AFilterAndFieldsCountForChangesToo) {
  const Json settings = {
      {"follow", "changes"},
      {"collections", {{"tickets", {{"filter", {{"status", {{"$ne", "spam"}}}}}, {"fields", {"status"}}}}}}};
  database_->insert("tickets", {R"({"_id":1,"status":"open","text":"a"})", R"({"_id":2,"status":"spam","text":"b"})"});
  const auto first = changes(*open(settings), "tickets", std::nullopt);
  EXPECT_EQ(first.lines, (std::vector<std::string>{"u 1|open"}));
  database_->run(R"({"delete":"tickets","deletes":[{"q":{"_id":1},"limit":1}]})");
  database_->insert("tickets", {R"({"_id":1,"status":"spam","text":"a"})", R"({"_id":3,"status":"spam","text":"c"})",
                                R"({"_id":4,"status":"open","text":"d"})"});
  const auto second = changes(*open(settings), "tickets", first.end);
  const std::set<std::string> rows{second.lines.begin(), second.lines.end()};
  // Of a document that was never let through the deletion finds nothing.
  std::set<std::string> expected{"d 1", "d 3", "u 4|open"};
  if (live::is_stand_in()) expected.insert("d 2");
  EXPECT_EQ(rows, expected);
}

TEST_F(MongoSourceTest, ADroppedCollectionIsSaidAndReadAgainOnlyWhenTheUserSaysSo) {
  database_->insert("tickets", {R"({"_id":1,"s":"a"})"});
  const auto first = changes(*open({{"follow", "changes"}}), "tickets", std::nullopt);
  database_->run(R"({"drop":"tickets"})");
  database_->insert("tickets", {R"({"_id":9,"s":"new"})"});
  const auto described = [&](const Json& settings) {
    flow::ReadRequest request{.stream = "tickets"};
    request.from = first.end;
    return open(settings)->describe(request, {});
  };
  const auto failed = described({{"follow", "changes"}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::Conflict);
  EXPECT_NE(failed.error().text().find("dropped"), std::string::npos) << failed.error().text();
  const auto again = described({{"follow", "changes"}, {"on_expired", "snapshot"}});
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(again->continuity, flow::Stream::Continuity::StartsOver);
}

TEST_F(MongoSourceTest, AServerThatIsNotThereIsNamedWithoutThePassword) {
  auto context = database_->context();
  context.connection.settings =
      Settings{Json{{"url", "mongodb://weir:planted-secret@127.0.0.1:1/shop"}, {"server_timeout", "200ms"}}};
  const auto source = mongodb_connector().open_source(context).value();
  const auto found = source->discover({});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::Unavailable);
  EXPECT_EQ(found.error().explain().find("planted-secret"), std::string::npos);
  EXPECT_NE(found.error().text().find("127.0.0.1:1"), std::string::npos) << found.error().text();
}

}  // namespace
}  // namespace weir::mongodb
