#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/owner.hpp"
#include "connectors/mongodb/bson_type.hpp"
#include "connectors/mongodb/catalog.hpp"
#include "connectors/mongodb/commits.hpp"
#include "connectors/mongodb/live_server.hpp"
#include "flow/type_tables.hpp"

namespace weir::mongodb {
namespace {

using flow::WriteMode;
using live::Table;

class MongoSink : public ::testing::Test {
 protected:
  void SetUp() override {
    if (live::server_url().empty()) GTEST_SKIP() << "no server: Java or Maven is missing";
    database_ = std::make_unique<live::TestDatabase>();
    sink_ = mongodb_connector().open_sink(database_->context()).value();
  }

  data::SchemaPtr people_ =
      live::schema({{"person", data::type_of(data::Kind::Int32)}, {"name", data::type_of(data::Kind::String)}});
  std::unique_ptr<live::TestDatabase> database_;
  std::unique_ptr<flow::Sink> sink_;
};

flow::WriteRequest request(const data::SchemaPtr& schema, WriteMode mode, std::vector<std::string> key = {}) {
  return {
      .table = "people", .schema = schema, .mode = mode, .key = std::move(key), .options = Settings{Json::object()}};
}

TEST_F(MongoSink, WritesEveryTypeAsItsTableSays) {
  const auto type = [](std::string_view text) { return *data::parse_type(text); };
  const auto all = live::schema({{"_id", type("int32")},         {"flag", type("bool")},
                                 {"large", type("int64")},       {"huge", type("uint64")},
                                 {"real", type("float64")},      {"price", type("decimal(34,4)")},
                                 {"day", type("date")},          {"at", type("timestamp(us, UTC)")},
                                 {"clock", type("time(ms)")},    {"bytes", type("binary")},
                                 {"uuid", type("uuid")},         {"extra", type("json")},
                                 {"tags", type("list<string>")}, {"device", type("struct<os string, cores int32>")},
                                 {"owner_id", type("string")},   {"nothing", type("string")},
                                 {"i8", type("int8")},           {"i16", type("int16")},
                                 {"u8", type("uint8")},          {"u16", type("uint16")},
                                 {"u32", type("uint32")},        {"f32", type("float32")},
                                 {"span", type("interval")}});
  // Each row of the table, by the columns above and the NULL among their values.
  std::set<std::string> walked{"NULL"};
  for (const auto& field : all->fields) {
    const auto text = field.type.text();
    walked.insert(text.substr(0, text.find_first_of("(<")));
  }
  EXPECT_EQ(walked, flow::testing::names_in_table(WEIR_SOURCE_DIR "/src/connectors/mongodb/TYPES.md", "## To BSON"));
  auto write = request(all, WriteMode::Append);
  write.options = Settings{Json{{"object_ids", {"owner_id"}}}};
  const auto batch = live::batch(
      all, {{"7",
             "true",
             "9007199254740993",
             "18446744073709551615",
             "0.1",
             "123456789012345678901234567890.5000",
             "2026-03-01",
             "2026-03-01 12:45:00.25Z",
             "12:45:00.250",
             "\\x0102",
             "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
             R"({"b":1,"a":[1.5,{"$oid":"65e1b2c3d4e5f60718293a4b"}],"at":{"$date":"2026-03-01T00:00:00Z"}})",
             R"(["x","y"])",
             R"({"os":"linux","cores":null})",
             "65e1b2c3d4e5f60718293a4b",
             std::nullopt,
             "-128",
             "-32768",
             "255",
             "65535",
             "4294967295",
             "0.5",
             "P1Y2M3DT4H5M6.5S"}});
  ASSERT_EQ(live::load(*sink_, write, {batch}, "c1").value().rows, 1U);
  const auto found = database_->documents("people");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(
      found[0],
      R"({ "_id" : 7, "flag" : true, "large" : 9007199254740993, "huge" : { "$numberDecimal" : "18446744073709551615" }, )"
      R"("real" : 0.10000000000000000555, )"
      R"("price" : { "$numberDecimal" : "123456789012345678901234567890.5000" }, )"
      R"("day" : { "$date" : "2026-03-01T00:00:00Z" }, "at" : { "$date" : "2026-03-01T12:45:00.250Z" }, )"
      R"("clock" : "12:45:00.250", "bytes" : { "$binary" : { "base64" : "AQI=", "subType" : "00" } }, )"
      R"("uuid" : { "$binary" : { "base64" : "YfDEBFyzEeeQe6YAatPboA==", "subType" : "04" } }, )"
      R"("extra" : { "b" : 1, "a" : [ 1.5, { "$oid" : "65e1b2c3d4e5f60718293a4b" } ], "at" : { "$date" : "2026-03-01T00:00:00Z" } }, )"
      R"("tags" : [ "x", "y" ], "device" : { "os" : "linux", "cores" : null }, )"
      R"("owner_id" : { "$oid" : "65e1b2c3d4e5f60718293a4b" }, "nothing" : null, )"
      R"("i8" : -128, "i16" : -32768, "u8" : 255, "u16" : 65535, "u32" : 4294967295, "f32" : 0.5, )"
      R"("span" : "P1Y2M3DT4H5M6.5S" })");
}

TEST_F(MongoSink, RefusesWhatWouldLoseDigits) {
  const auto one = [](const char* type) { return live::schema({{"v", *data::parse_type(type)}}); };
  const auto outcome = [&](const char* type, const char* value) {
    const auto schema = one(type);
    const auto loaded = live::load(*sink_, request(schema, WriteMode::Append), {live::batch(schema, {{value}})}, value);
    return loaded.ok() ? std::string{"written"} : loaded.error().text();
  };
  EXPECT_NE(outcome("decimal(38,0)", "12345678901234567890123456789012345678").find("34 digits"), std::string::npos);
  EXPECT_NE(outcome("timestamp(us)", "2026-03-01 00:00:00.000001").find("millisecond"), std::string::npos);
  EXPECT_EQ(outcome("decimal(38,0)", "1234567890123456789012345678901234"), "written");
  EXPECT_EQ(database_->documents("people").size(), 1U);
}

TEST_F(MongoSink, AppendsReplacesAndMerges) {
  const auto write = [&](WriteMode mode, std::vector<std::string> key, const Table& rows, const char* commit) {
    return live::load(*sink_, request(people_, mode, std::move(key)), {live::batch(people_, rows)}, commit);
  };
  // Ids that different sessions make within a second have no order.
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& document : database_->documents("people")) {
      const auto at = document.find("\"name\" : ") + 9;
      all.push_back(document.substr(at, document.find(" }", at) - at));
    }
    std::ranges::sort(all);
    return fmt::format("{}", fmt::join(all, ""));
  };
  ASSERT_TRUE(write(WriteMode::Append, {}, {{"1", "Ann"}}, "a1").ok());
  ASSERT_TRUE(write(WriteMode::Append, {}, {{"2", "Bob"}}, "a2").ok());
  EXPECT_EQ(names(), R"("Ann""Bob")");
  ASSERT_TRUE(write(WriteMode::Replace, {"person"}, {{"1", "Cy"}, {"2", "Di"}}, "r1").ok());
  EXPECT_EQ(names(), R"("Cy""Di")");
  // The key became an index, and stays one when the collection is replaced.
  EXPECT_FALSE(write(WriteMode::Append, {"person"}, {{"1", "Twice"}}, "dup").ok());
  ASSERT_TRUE(write(WriteMode::Merge, {"person"}, {{"2", "Ed"}, {"3", "Flo"}, {"3", "Gus"}}, "m1").ok());
  EXPECT_EQ(names(), R"("Cy""Ed""Gus")");
  ASSERT_TRUE(write(WriteMode::Replace, {}, {{"9", "Hal"}}, "r2").ok());
  EXPECT_EQ(names(), R"("Hal")");
  EXPECT_EQ(list_indexes(database_->session(), "people", {}).value().size(), 1U);
  EXPECT_EQ(database_->collections(), (std::vector<std::string>{"_weir_commits", "people"}));
}

TEST_F(MongoSink, DeletesWhatTheSourceDeleted) {
  const auto keyed = request(people_, WriteMode::Merge, {"person"});
  ASSERT_TRUE(live::load(*sink_, keyed, {live::batch(people_, {{"1", "Ann"}, {"2", "Bob"}})}, "m1").ok());
  using data::Change;
  const auto changes = live::batch(people_, {{"1", std::nullopt}, {"3", "Cy"}, {"2", "Bo"}, {"3", std::nullopt}})
                           .with_changes({Change::Delete, Change::Insert, Change::Update, Change::Delete});
  ASSERT_TRUE(live::load(*sink_, keyed, {changes}, "m2").ok());
  const auto left = database_->documents("people");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(left[0].find(R"("person" : 2, "name" : "Bo")"), std::string::npos) << left[0];
}

TEST_F(MongoSink, TheSameCommitTwiceIsOnce) {
  const auto rows = live::batch(people_, {{"1", "Ann"}});
  ASSERT_TRUE(live::load(*sink_, request(people_, WriteMode::Append), {rows}, "a1").ok());
  const auto again = live::load(*sink_, request(people_, WriteMode::Append), {rows}, "a1").value();
  EXPECT_EQ(again, (flow::Receipt{CommitId{"a1"}, 1}));
  EXPECT_EQ(database_->documents("people").size(), 1U);
  EXPECT_EQ(sink_->find(request(people_, WriteMode::Append), CommitId{"a1"}, {}).value(),
            (flow::Receipt{CommitId{"a1"}, 1}));
  EXPECT_EQ(sink_->find(request(people_, WriteMode::Append), CommitId{"other"}, {}).value(), std::nullopt);
}

TEST_F(MongoSink, AppendedIdsAreNew) {
  const auto schema =
      live::schema({{"_id", data::type_of(data::Kind::Int32)}, {"n", data::type_of(data::Kind::Int32)}});
  ASSERT_TRUE(live::load(*sink_, request(schema, WriteMode::Append), {live::batch(schema, {{"1", "1"}})}, "a1").ok());
  const auto again =
      live::load(*sink_, request(schema, WriteMode::Append), {live::batch(schema, {{"2", "2"}, {"1", "9"}})}, "a2");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::AlreadyExists);
  EXPECT_EQ(database_->documents("people"), (std::vector<std::string>{R"({ "_id" : 1, "n" : 1 })"}));
}

TEST_F(MongoSink, ALoadThatIsNotCommittedLeavesNothing) {
  {
    const auto load = sink_->open(request(people_, WriteMode::Append), {}).value();
    const auto writer = load->writer({}).value();
    ASSERT_TRUE(writer->write(live::batch(people_, {{"1", "Ann"}}), {}).ok());
    ASSERT_TRUE(writer->finish({}).ok());
  }
  EXPECT_EQ(database_->collections(), std::vector<std::string>{});
}

// What a process leaves that is killed after the decision: the record says "decided", and the stage is there.
TEST_F(MongoSink, WhoeverFindsADecidedCommitFinishesIt) {
  for (const auto* way : {"rename", "insert", "upsert"}) {
    const std::string commit = fmt::format("killed-{}", way);
    const auto owner = make_owner().substr(0, 16) + "_4194305_1_gone";
    const auto stage = stage_name("people", owner);
    database_->insert(
        stage, {std::string{way} == "upsert" ? R"({"_id":{"$numberLong":"0"},"k":{"person":2},"s":{"name":"Bob"}})"
                                             : R"({"_id":1,"person":1,"name":"Ann"})"});
    database_->insert(std::string{kCommitsCollection},
                      {fmt::format(R"({{"_id":"{}","collection":"people","stage":"{}","owner":"{}","rows":1,)"
                                   R"("state":"decided","way":"{}"}})",
                                   commit, stage, owner, way)});
    // One by the next attempt, one by the next load of the collection.
    if (std::string{way} == "insert") {
      ASSERT_TRUE(sink_->open(request(people_, WriteMode::Append), {}).ok());
    } else {
      EXPECT_EQ(sink_->find(request(people_, WriteMode::Append), CommitId{commit}, {}).value(),
                (flow::Receipt{CommitId{commit}, 1}));
    }
    EXPECT_EQ(database_->documents("people").size(), std::string{way} == "upsert" ? 2U : 1U) << way;
    EXPECT_EQ(database_->collections(), (std::vector<std::string>{"_weir_commits", "people"})) << way;
  }
  // A stage without a decision is dropped.
  database_->insert(stage_name("people", make_owner().substr(0, 16) + "_4194305_1_gone"), {R"({"_id":5})"});
  ASSERT_TRUE(sink_->open(request(people_, WriteMode::Append), {}).ok());
  EXPECT_EQ(database_->documents("people").size(), 2U);
  EXPECT_EQ(database_->collections(), (std::vector<std::string>{"_weir_commits", "people"}));
}

TEST_F(MongoSink, ADocumentBeyondMongoDBsLimitIsNamed) {
  const auto load = live::load(*sink_, request(people_, WriteMode::Append),
                               {live::batch(people_, {{"1", std::string(kDocumentBytesMax + 1, 'x')}})}, "big");
  ASSERT_FALSE(load.ok());
  EXPECT_EQ(load.error().code(), Code::TypeMismatch);
  EXPECT_EQ(database_->collections(), std::vector<std::string>{});
}

}  // namespace
}  // namespace weir::mongodb
