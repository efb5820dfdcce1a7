#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/file.hpp"
#include "connectors/mongodb/bson_type.hpp"
#include "connectors/mongodb/scripted_tickets.hpp"
#include "mongo_program.hpp"
#include "net/sha256.hpp"

// What becomes of documents, by the whole program and in a real PostgreSQL: every type by value, and what cannot become a row.
// They come from a scripted server, since the one that stands in for MongoDB knows fewer types and mends what is damaged.
namespace weir {
namespace {

using mongodb::Document;
using mongodb::testing::json;
using mongodb::testing::ScriptedTickets;

class MongoDocuments : public testing::MongoProgram {
 protected:
  void SetUp() override {
    configure_at(tickets_.url());
    pipeline(R"(from: "mongo.*", to: "shop.*", mode: replace)");
  }

  // The one column of a query, of texts.
  std::vector<std::string> column(const std::string& sql) const {
    const auto result = project_.run({"query", "shop", sql, "--format", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> values;
    for (const auto& row : result.lines()) {
      const auto& value = row.begin().value();
      values.push_back(value.is_null() ? "NULL" : value.get<std::string>());
    }
    return values;
  }
  std::string value(const std::string& sql) const {
    const auto values = column(sql);
    return values.size() == 1 ? values.front() : fmt::format("{} rows", values.size());
  }

  ScriptedTickets tickets_;
};

std::string hex(mongodb::BsonBytes bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

TEST_F(MongoDocuments, ThatCannotBecomeRowsAreKeptWholeWithTheirReason) {
  auto& all = tickets_.documents;
  all.push_back(std::move(Document{}.add("_id", 1).add("text", "good")));
  const std::string large(mongodb::kDocumentBytesMax - 64, 'x');
  all.push_back(std::move(Document{}.add("_id", 2).add("text", large)));
  constexpr int kLevels = 100;
  auto deep = Document{}.add("leaf", "of the deep");
  for (int level = 2; level < kLevels; ++level) deep = Document{}.add("o", deep);
  all.push_back(std::move(Document{}.add("_id", 3).add("o", deep)));
  all.push_back(std::move(Document{}.add("_id", 4).add("text", "one").add("text", "two")));
  all.push_back(std::move(Document{}.add("_id", 5).add("text", std::string_view{"a\xff\xfe z"})));
  all.push_back(std::move(Document{}.add("_id", 6).add("text", std::string_view{"a\0b", 3})));
  all.push_back(std::move(Document{}.add("text", "nameless")));
  all.push_back(json(R"({"_id":8,"at":{"$date":{"$numberLong":"9223372036854775807"}}})"));
  const auto run = load();
  EXPECT_NE(run.out.find("documents of tickets were rejected"), std::string::npos) << run.out;

  EXPECT_EQ(column("SELECT _id::text FROM tickets ORDER BY _id"), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(value("SELECT text FROM tickets WHERE _id = 1"), "good");
  EXPECT_EQ(value("SELECT encode(sha256(text::bytea), 'hex') FROM tickets WHERE _id = 2"),
            net::sha256_of(std::as_bytes(std::span{large})));
  // What lies too deep for columns is json, whole.
  const auto name = value(
      "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'tickets' AND data_type = 'jsonb'");
  const auto columns_deep = static_cast<std::size_t>(std::ranges::count(name, 'o'));
  std::string path;
  for (auto level = columns_deep + 1; level < kLevels; ++level) path += "o,";
  EXPECT_EQ(value(fmt::format("SELECT {} #>> '{{{}leaf}}' FROM tickets WHERE _id = 3", name, path)), "of the deep");

  const auto rejects = [&](const std::string& what) {
    return column(fmt::format("SELECT {} FROM tickets___rejects ORDER BY bson", what));
  };
  std::vector<Document> left_out{all[3], all[4], all[5], all[6], all[7]};
  std::ranges::sort(left_out, {}, [](const Document& one) { return hex(one.bytes()); });
  std::vector<std::string> bytes;
  for (const auto& one : left_out) bytes.push_back(hex(one.bytes()));
  EXPECT_EQ(rejects("encode(bson, 'hex')"), bytes) << "the bytes, exactly";
  const auto of = [&](const std::string& id, const std::string& what) {
    return value(fmt::format("SELECT {} FROM tickets___rejects WHERE _id = '{}'", what, id));
  };
  EXPECT_EQ(of(R"({"$numberInt":"4"})", "reason"), "text: a name that its object has twice");
  EXPECT_EQ(of(R"({"$numberInt":"4"})", "document"), R"({"_id":{"$numberInt":"4"},"text":"one","text":"two"})");
  EXPECT_EQ(of(R"({"$numberInt":"5"})", "reason"), "text: a text that is not UTF-8");
  EXPECT_EQ(of(R"({"$numberInt":"5"})", "document"),
            "{\"_id\":{\"$numberInt\":\"5\"},\"text\":\"a\xef\xbf\xbd\xef\xbf\xbd z\"}");
  EXPECT_EQ(of(R"({"$numberInt":"6"})", "reason"), "text: a text with the character U+0000");
  EXPECT_EQ(of(R"({"$numberInt":"6"})", "document"), R"({"_id":{"$numberInt":"6"},"text":"a\u0000b"})");
  EXPECT_EQ(of(R"({"$numberInt":"8"})", "reason"), "at: a date outside of the years 1 to 9999");
  EXPECT_EQ(of(R"({"$numberInt":"8"})", "document"),
            R"({"_id":{"$numberInt":"8"},"at":{"$date":{"$numberLong":"9223372036854775807"}}})");
  EXPECT_EQ(of("sha256:" + net::sha256_of(std::as_bytes(all[6].bytes())), "reason"), "_id: the key has no value");
}

TEST_F(MongoDocuments, WithoutAnIdStayApartInAMergeAndAreThereOnceAfterTwoRuns) {
  pipeline(R"(from: "mongo.*", to: "shop.*", mode: merge)");
  tickets_.documents = {json(R"({"_id":1,"text":"good"})"), json(R"({"text":"one"})"), json(R"({"text":"two"})")};
  load();
  load();
  EXPECT_EQ(query("SELECT document FROM tickets___rejects ORDER BY document"),
            "\"{\"\"text\"\":\"\"one\"\"}\"\n\"{\"\"text\"\":\"\"two\"\"}\"\n");
  EXPECT_EQ(query("SELECT _id, text FROM tickets"), "1,good\n");
}

// A second reading goes through the same sieve as the first, so it would miss the same documents.
TEST_F(MongoDocuments, ReadAnewAreAsManyAsTheServerCountsRejectsIncluded) {
  project_.write("pipelines/load.yml",
                 "name: load\n"
                 "tasks:\n"
                 "  all: {copy: {from: \"mongo.*\", to: \"shop.*\", mode: replace}}\n"
                 "  prove: {needs: [all], reconcile: {left: {table: mongo.tickets, read: anew}, right: shop.tickets, "
                 "key: _id}}\n");
  tickets_.documents = {json(R"({"_id":1,"text":"a"})"), json(R"({"_id":2,"text":"a\u0000b"})"),
                        json(R"({"_id":3,"text":"c"})")};
  load();
  const auto proven = project_.run({"logs", "last", "prove"}).out;
  EXPECT_NE(proven.find("mongo.tickets: 3 counted, 2 rows and 1 rejects read"), std::string::npos) << proven;

  tickets_.withheld = 1;
  const auto failed = project_.run({"run", "load", "--json"});
  EXPECT_EQ(failed.exit_code, 1) << failed.out;
  EXPECT_NE(failed.out.find("not all of mongo.tickets was read: 4 counted, 2 rows and 1 rejects read"),
            std::string::npos)
      << failed.out;
  EXPECT_EQ(project_.run({"reconcile", "load"}).exit_code, 1);
}

// A type of BSON as TYPES.md names it: a field's values in as many documents, as canonical Extended JSON ("": the document
// lacks it), and what PostgreSQL shows of them.
struct TypeCase {
  const char* bson;
  const char* name;  // of the field
  const char* type;  // of the column
  std::vector<std::string> values;
  std::vector<std::string> texts;
  const char* shown = "{}::text";
};

std::vector<TypeCase> type_cases() {
  const auto decimal = [](const std::string& text) { return R"({"$numberDecimal":")" + text + R"("})"; };
  const auto number = [](const std::string& text) { return R"({"$numberLong":")" + text + R"("})"; };
  return {
      {"double",
       "a_double",
       "double precision",
       {R"({"$numberDouble":"0.1"})", R"({"$numberDouble":"-1.7976931348623157e308"})", R"({"$numberDouble":"NaN"})",
        R"({"$numberDouble":"-Infinity"})", R"({"$numberDouble":"4.9e-324"})"},
       {"0.1", "-1.7976931348623157e+308", "NaN", "-Infinity", "5e-324"}},
      {"string",
       "a_string",
       "text",
       {R"("")", R"("naïve – 🚀 \"quoted\" \\ \t")"},
       {"", "naïve – 🚀 \"quoted\" \\ \t"}},
      {"object", "an_object", "", {}, {}},  // its columns: below
      {"array", "an_array", "", {}, {}},    // its table: below
      {"binary, subtype 0",
       "a_binary",
       "bytea",
       {R"({"$binary":{"base64":"AP8=","subType":"00"}})", R"({"$binary":{"base64":"","subType":"00"}})"},
       {"\\x00ff", "\\x"}},
      {"binary, subtype 4",
       "a_uuid",
       "uuid",
       {R"({"$binary":{"base64":"c//SZESzTGmQ6OdoOJEDwQ==","subType":"04"}})"},
       {"73ffd264-44b3-4c69-90e8-e768389103c1"}},
      {"binary, subtype 4",
       "a_user_binary",
       "jsonb",
       {R"({"$binary":{"base64":"AP8=","subType":"80"}})"},
       {R"({"$binary": {"base64": "AP8=", "subType": "80"}})"}},
      {"ObjectId",
       "an_object_id",
       "text",
       {R"({"$oid":"65e1b2c3d4e5f60718293a4b"})", R"({"$oid":"000000000000000000000000"})"},
       {"65e1b2c3d4e5f60718293a4b", "000000000000000000000000"}},
      {"bool", "a_bool", "boolean", {"true", "false"}, {"true", "false"}},
      {"date",
       "a_date",
       "timestamp with time zone",
       {R"({"$date":{"$numberLong":"1793705855123"}})", R"({"$date":{"$numberLong":"-1"}})",
        R"({"$date":{"$numberLong":"-62135596800000"}})", R"({"$date":{"$numberLong":"253402300799999"}})"},
       {"2026-11-03 11:37:35.123", "1969-12-31 23:59:59.999", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999"},
       "({} AT TIME ZONE 'UTC')::text"},
      {"null", "a_null", "bigint", {"null", "1"}, {"NULL", "1"}},
      {"missing", "a_missing", "bigint", {"", "1"}, {"NULL", "1"}},
      {"int32",
       "an_int32",
       "bigint",
       {R"({"$numberInt":"-2147483648"})", R"({"$numberInt":"2147483647"})"},
       {"-2147483648", "2147483647"}},
      {"int64",
       "an_int64",
       "bigint",
       {number("-9223372036854775808"), number("9223372036854775807")},
       {"-9223372036854775808", "9223372036854775807"}},
      {"Decimal128",
       "a_decimal",
       "numeric",
       {decimal("19.99"), decimal("-1234567890123456789012345678.901234"), decimal("0"), decimal("1E+3")},
       {"19.990000", "-1234567890123456789012345678.901234", "0.000000", "1000.000000"}},
      {"Decimal128",
       "a_wide_decimal",
       "numeric",
       {decimal("1234567890123456789012345678901234"), decimal("1E-30")},
       {"1234567890123456789012345678901234.000000000000000000000000000000", "0.000000000000000000000000000001"}},
      {"Decimal128",
       "an_endless_decimal",
       "jsonb",
       {decimal("NaN"), decimal("Infinity"), decimal("-Infinity"), decimal("19.90"), decimal("9.999E+6144")},
       {R"({"$numberDecimal": "NaN"})", R"({"$numberDecimal": "Infinity"})", R"({"$numberDecimal": "-Infinity"})",
        R"({"$numberDecimal": "19.90"})", R"({"$numberDecimal": "9.999000000000000000000000000000000E+6144"})"}},
      {"timestamp",
       "a_timestamp",
       "jsonb",
       {R"({"$timestamp":{"t":4294967295,"i":2}})"},
       {R"({"$timestamp": {"i": 2, "t": 4294967295}})"}},
      {"regular expression",
       "a_regex",
       "jsonb",
       {R"({"$regularExpression":{"pattern":"^a.*\"b","options":"im"}})"},
       {R"({"$regularExpression": {"options": "im", "pattern": "^a.*\"b"}})"}},
      {"code", "a_code", "jsonb", {R"({"$code":"f = 1"})"}, {R"({"$code": "f = 1"})"}},
      {"code with scope",
       "a_scoped_code",
       "jsonb",
       {R"({"$code":"f = x","$scope":{"x":{"$numberInt":"1"}}})"},
       {R"({"$code": "f = x", "$scope": {"x": 1}})"}},
      {"symbol", "a_symbol", "jsonb", {R"({"$symbol":"s"})"}, {R"({"$symbol": "s"})"}},
      {"DBPointer",
       "a_pointer",
       "jsonb",
       {R"({"$dbPointer":{"$ref":"db.c","$id":{"$oid":"65e1b2c3d4e5f60718293a4b"}}})"},
       {R"({"$dbPointer": {"$id": {"$oid": "65e1b2c3d4e5f60718293a4b"}, "$ref": "db.c"}})"}},
      {"undefined", "an_undefined", "jsonb", {R"({"$undefined":true})"}, {R"({"$undefined": true})"}},
      {"MinKey", "a_min_key", "jsonb", {R"({"$minKey":1})"}, {R"({"$minKey": 1})"}},
      {"MaxKey", "a_max_key", "jsonb", {R"({"$maxKey":1})"}, {R"({"$maxKey": 1})"}},
      // Several types at one path.
      {"int32, int64 and double",
       "some_numbers",
       "double precision",
       {R"({"$numberInt":"1"})", number("9007199254740992"), R"({"$numberDouble":"0.5"})"},
       {"1", "9.007199254740992e+15", "0.5"}},
      {"int32, int64 and double",
       "exact_numbers",
       "jsonb",
       {number("9007199254740993"), R"({"$numberDouble":"0.5"})"},
       {"9007199254740993", "0.5"}},
      {"int32, int64 and Decimal128",
       "some_decimals",
       "numeric",
       {number("9223372036854775807"), R"({"$numberInt":"1"})", decimal("0.25")},
       {"9223372036854775807.00", "1.00", "0.25"}},
      {"anything else",
       "anything",
       "jsonb",
       {R"("7")", R"({"$numberInt":"7"})", "true", R"({"$oid":"65e1b2c3d4e5f60718293a4b"})",
        R"({"$date":{"$numberLong":"1793705855123"}})", "null", decimal("7.0"), R"({"$minKey":1})"},
       {R"("7")", "7", "true", R"({"$oid": "65e1b2c3d4e5f60718293a4b"})", R"({"$date": "2026-11-03T11:37:35.123Z"})",
        "NULL", R"({"$numberDecimal": "7.0"})", R"({"$minKey": 1})"}},
      {"an object and scalars", "object_or_text", "text", {R"({"os":"linux"})", R"("plain")"}, {"NULL", "plain"}},
      {"an object and scalars", "object_or_text_os", "text", {}, {"linux", "NULL"}},
      {"an array and scalars", "list_or_text", "text", {R"(["x","y"])", R"("plain")"}, {"NULL", "plain"}},
  };
}

// The types that the first two tables of TYPES.md name.
std::set<std::string> documented_types() {
  const auto text = read_file(WEIR_SOURCE_DIR "/src/connectors/mongodb/TYPES.md").value();
  std::set<std::string> types;
  std::size_t begin = text.find("## From BSON");
  const auto last = text.find("## To BSON");
  bool splits = true;  // only the first table's cells list types
  for (auto end = text.find('\n', begin); end < last; begin = end + 1, end = text.find('\n', begin)) {
    const auto line = text.substr(begin, end - begin);
    if (line.starts_with("Several types")) splits = false;
    if (!line.starts_with("| ") || line.starts_with("| BSON") || line.starts_with("| together")) continue;
    auto cell = line.substr(2, line.find(" |", 2) - 2);
    while (splits && !cell.starts_with("binary") && cell.find(", ") != std::string::npos) {
      types.insert(cell.substr(0, cell.find(", ")));
      cell = cell.substr(cell.find(", ") + 2);
    }
    types.insert(cell);
  }
  return types;
}

TEST_F(MongoDocuments, EveryTypeOfTheTableArrivesByValue) {
  auto cases = type_cases();
  std::set<std::string> tested;
  std::size_t most = 0;
  for (const auto& one : cases) {
    tested.insert(one.bson);
    most = std::max(most, one.values.size());
  }
  EXPECT_EQ(tested, documented_types());

  for (std::size_t i = 0; i < most; ++i) {
    auto text = fmt::format(R"({{"_id":{})", i);
    for (const auto& one : cases) {
      if (i < one.values.size() && !one.values[i].empty()) text += fmt::format(R"(,"{}":{})", one.name, one.values[i]);
    }
    if (i == 0) text += R"(,"an_object":{"os":"linux","cpu":{"cores":{"$numberInt":"8"}}},"an_array":["a",null,"b"])";
    tickets_.documents.push_back(json(text + "}"));
  }
  const auto run = load();
  EXPECT_EQ(query("SELECT count(*) FROM tickets___rejects"), "0\n") << run.out;

  for (const auto& one : cases) {
    if (one.texts.empty()) continue;
    SCOPED_TRACE(one.name);
    EXPECT_EQ(value(fmt::format("SELECT data_type::text FROM information_schema.columns WHERE table_name = 'tickets' "
                                "AND column_name = '{}'",
                                one.name)),
              one.type);
    auto expected = one.texts;
    expected.resize(most, "NULL");
    EXPECT_EQ(
        column(fmt::format("SELECT {} FROM tickets ORDER BY _id", fmt::format(fmt::runtime(one.shown), one.name))),
        expected);
  }
  EXPECT_EQ(query("SELECT an_object_os, an_object_cpu_cores FROM tickets WHERE _id = 0"), "linux,8\n");
  EXPECT_EQ(query("SELECT tickets__id, position, value FROM tickets__an_array ORDER BY position"),
            "0,0,a\n0,1,\n0,2,b\n");
  EXPECT_EQ(query("SELECT tickets__id, position, value FROM tickets__list_or_text ORDER BY position"),
            "0,0,x\n0,1,y\n");
}

}  // namespace
}  // namespace weir
