#include <gtest/gtest.h>

#include "data/text.hpp"
#include "documents/chosen_columns.hpp"
#include "documents/json_parser.hpp"
#include "documents/json_path.hpp"
#include "documents/shredder.hpp"

namespace weir::documents {
namespace {

Document document(JsonParser& parser, std::string text) {
  text.resize(text.size() + kJsonPadding, ' ');
  return [&parser, text = std::move(text)](const TakeElement& take) {
    return parser.parse(std::string_view{text}.substr(0, text.size() - kJsonPadding), take);
  };
}

Result<std::string> compact(std::string text) {
  JsonParser parser;
  std::string out;
  WEIR_TRY(document(parser, std::move(text))([&](Value& value) { return value.append_json(out); }));
  return out;
}

Rules rules_of(std::string name, std::vector<std::string> key = {"id"}) {
  Rules rules;
  rules.name = std::move(name);
  rules.key = std::move(key);
  return rules;
}

// Every table of these documents, a row a line.
class Tables {
 public:
  explicit Tables(Rules rules, const std::vector<std::string>& texts) : Tables(Shape{std::move(rules)}, texts) {}
  Tables(Shape shape, const std::vector<std::string>& texts) : shape_(std::move(shape)) {
    for (const auto& text : texts) documents_.push_back(document(parser_, text));
    for (const auto& one : documents_) {
      auto observed = one([&](Value& value) { return shape_.observe(value); });
      if (!observed.ok() && !error_) error_ = std::move(observed).error();
    }
    if (!error_) tables_ = tables_of(shape_);
  }

  const std::optional<Error>& error() const { return error_; }
  Shape& shape() { return shape_; }
  JsonParser& parser() { return parser_; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& table : tables_) names.push_back(table.path);
    return names;
  }
  std::string schema(std::string_view path) const { return find(path).schema.text(); }
  enum class Keys { None, BeforeEachDocument };
  std::string rows(std::string_view path, Keys keys = Keys::None) {
    const auto& table = find(path);
    std::vector<std::size_t> all(table.columns.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    Shredder shredder{shape_, table, all};
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      if (keys == Keys::BeforeEachDocument) {
        const auto added = shredder.add_keys(documents_[i]);
        if (!added.ok()) return added.error().text();
      }
      const auto added = shredder.add(documents_[i], fmt::format("row{}", i));
      if (!added.ok()) return added.error().text();
    }
    const auto batch = shredder.take();
    std::string text;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      for (std::size_t column = 0; column < batch.columns().size(); ++column) {
        if (column != 0) text += '|';
        text += batch.column(column).is_null(row) ? "-" : data::value_text(batch.column(column), row);
      }
      text += '\n';
    }
    return text;
  }

 private:
  const Table& find(std::string_view path) const {
    for (const auto& table : tables_) {
      if (table.path == path) return table;
    }
    ADD_FAILURE() << "no table " << path;
    return tables_.front();
  }

  JsonParser parser_;
  Shape shape_;
  std::vector<Document> documents_;
  std::vector<Table> tables_;
  std::optional<Error> error_;
};

TEST(JsonParser, ReadsWhatRfc8259Allows) {
  EXPECT_EQ(*compact(R"( { "a" : [ 1 , -0.5e+3, true , null ] , "b" : "x\u00e9\ud83d\ude80\n" } )"),
            "{\"a\":[1,-0.5e+3,true,null],\"b\":\"xé🚀\\n\"}");
  EXPECT_EQ(*compact(R"("lone \ud800 half")"), "\"lone \xEF\xBF\xBD half\"");
  EXPECT_EQ(*compact("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(*compact("[1e400]"), "[1e400]");
}

TEST(JsonParser, RefusesWhatIsNoJson) {
  for (const auto* text : {"", "{", "[1,]", "[01]", "[1.]", "[+1]", "[nul]", "[tru]", R"(["\x"])", "[\"a\nb\"]",
                           R"({"a" 1})", "{\"a\":\"\xff\"}", "\"\xc3\"", R"({"a":1,})", "[NaN]", "['a']"}) {
    const auto read = compact(text);
    ASSERT_FALSE(read.ok()) << text << " → " << *read;
    EXPECT_EQ(read.error().code(), Code::InvalidData) << text;
  }
}

TEST(JsonParser, AHundredLevelsAreReadAndAThousandAreNot) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_EQ(*compact(nested(100)), nested(100));
  EXPECT_EQ(compact(nested(1000)).error().code(), Code::InvalidData);
}

TEST(JsonPath, NamesAPlace) {
  const auto json = *parse_json(R"({"data": {"items": [{"id": 7}], "odd name": 1}})");
  EXPECT_EQ(*find(json, *parse_json_path("$.data.items[0].id")), 7);
  EXPECT_EQ(*find(json, *parse_json_path("data['odd name']")), 1);
  EXPECT_EQ(find(json, *parse_json_path("data.nothing.there")), nullptr);
  EXPECT_EQ(parse_json_path("$.data.items[*]")->names(), (std::vector<std::string>{"data", "items"}));
  EXPECT_EQ(parse_json_path("$")->steps.size(), 0U);
  for (const auto* text : {"$..id", "a..b", "a[?(@.b)]", "a[", "a.", "['a"}) {
    EXPECT_EQ(parse_json_path(text).error().code(), Code::InvalidProject) << text;
  }
  Json body = Json::object();
  assign(body, *parse_json_path("options.page"), 3);
  EXPECT_EQ(to_text(body), R"({"options":{"page":3}})");
}

TEST(Documents, ObjectsBecomeColumnsAndListsTables) {
  Tables tables{
      rules_of("launches"),
      {R"({"id":"a","device":{"os":"x","v":1},"cores":[{"flight":1,"legs":true},{"flight":2.5}],"tags":["p","q"]})",
       R"({"tags":[],"cores":[],"id":"b","device":{"v":2}})"}};
  EXPECT_EQ(tables.names(), (std::vector<std::string>{"", "cores", "tags"}));
  EXPECT_EQ(tables.schema(""), "id string not null, device_os string, device_v int64");
  EXPECT_EQ(tables.rows(""), "a|x|1\nb|-|2\n");
  EXPECT_EQ(tables.schema("cores"), "launches_id string not null, position int64 not null, flight float64, legs bool");
  EXPECT_EQ(tables.rows("cores"), "a|0|1|true\na|1|2.5|-\n");
  EXPECT_EQ(tables.schema("tags"), "launches_id string not null, position int64 not null, value string");
  EXPECT_EQ(tables.rows("tags"), "a|0|p\na|1|q\n");
}

TEST(Documents, ListsInListsCarryAllPositions) {
  Tables tables{rules_of("l"), {R"({"cores":[{"x":[{"n":1},{"n":2}]},{"x":[{"n":3}]}],"id":9})"}};
  EXPECT_EQ(tables.schema("cores.x"),
            "l_id int64 not null, cores_position int64 not null, position int64 not null, n int64");
  EXPECT_EQ(tables.rows("cores.x"), "9|0|0|1\n9|0|1|2\n9|1|0|3\n");
}

TEST(Documents, KeysAloneNameAlsoADocumentWithAnEmptyList) {
  Tables tables{rules_of("l"), {R"({"t":[{"a":"x","b":{"c":1}}],"id":7})", R"({"id":8,"t":[]})"}};
  EXPECT_EQ(tables.rows("t", Tables::Keys::BeforeEachDocument), "7|0|-|-\n7|0|x|1\n8|0|-|-\n");
}

TEST(Documents, ColumnsAreChosenByName) {
  const auto text = data::type_of(data::Kind::String);
  const data::Schema schema{{{"a", text, data::Nullable::Yes}, {"b", text, data::Nullable::No}}};
  EXPECT_EQ(wanted_columns(schema, {}).value(), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(wanted_columns(schema, {"b", "a"}).value(), (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(chosen_columns(schema, {}).value(), schema);
  EXPECT_EQ(chosen_columns(schema, {"b"}).value().text(), "b string not null");
  EXPECT_EQ(wanted_columns(schema, {"c"}).error().code(), Code::NotFound);
  EXPECT_EQ(chosen_columns(schema, {"c"}).error().message(), "no such column: c");
}

TEST(Documents, WithoutAKeyRowsAreNamedByTheirFingerprint) {
  Tables tables{rules_of("l", {}), {R"({"a":1,"t":[5]})"}};
  EXPECT_EQ(tables.schema(""), "_row string not null, a int64");
  EXPECT_EQ(tables.rows("t"), "row0|0|5\n");
}

TEST(Documents, TypesWidenAndNothingIsLost) {
  const auto type = [](const std::vector<std::string>& values, Times times = Times::Text) {
    std::vector<std::string> texts;
    for (const auto& value : values) texts.push_back(fmt::format(R"({{"v":{}}})", value));
    auto rules = rules_of("t", {});
    rules.times = times;
    Tables tables{rules, texts};
    return tables.schema("") + ": " + tables.rows("");
  };
  EXPECT_EQ(type({"1", "null"}), "v int64: 1\n-\n");
  EXPECT_EQ(type({"null"}), "v string: -\n");
  EXPECT_EQ(type({"1", "2.5"}), "v float64: 1\n2.5\n");
  EXPECT_EQ(type({"9223372036854775807"}), "v int64: 9223372036854775807\n");
  EXPECT_EQ(type({"9223372036854775808", "-1"}), "v decimal(38,0): 9223372036854775808\n-1\n");
  EXPECT_EQ(type({"1" + std::string(40, '0')}), "v decimal(76,0): 1" + std::string(40, '0') + "\n");
  EXPECT_EQ(type({"1" + std::string(80, '0')}), "v json: 1" + std::string(80, '0') + "\n");
  EXPECT_EQ(type({"9007199254740993", "0.5"}), "v json: 9007199254740993\n0.5\n");
  EXPECT_EQ(type({"1e400", "1"}), "v json: 1e400\n1\n");
  EXPECT_EQ(type({"1e-400"}), "v float64: 0\n");
  EXPECT_EQ(type({"1", "\"a\"", "true"}), "v json: 1\n\"a\"\ntrue\n");
  EXPECT_EQ(type({"\"2026-03-01\""}), "v string: 2026-03-01\n");
  EXPECT_EQ(type({"\"2026-03-01\"", "null"}, Times::Detect), "v date: 2026-03-01\n-\n");
  EXPECT_EQ(type({"\"2026-03-01T10:00:00+02:00\""}, Times::Detect),
            "v timestamp(us, UTC): 2026-03-01 08:00:00.000000Z\n");
  EXPECT_EQ(type({"\"2026-03-01T10:00:00\""}, Times::Detect), "v string: 2026-03-01T10:00:00\n");
  EXPECT_EQ(type({"\"2026-02-30\""}, Times::Detect), "v string: 2026-02-30\n");
  EXPECT_EQ(type({"\"2026-03-01\"", "\"soon\""}, Times::Detect), "v string: 2026-03-01\nsoon\n");
}

TEST(Documents, ValuesOfSeveralKindsAtOnePathAllArrive) {
  Tables tables{rules_of("t"), {R"({"id":1,"v":{"a":1}})", R"({"id":2,"v":"x"})", R"({"id":3,"v":[7]})"}};
  EXPECT_EQ(tables.schema(""), "id int64 not null, v string, v_a int64");
  EXPECT_EQ(tables.rows(""), "1|-|1\n2|x|-\n3|-|-\n");
  EXPECT_EQ(tables.rows("v"), "3|0|7\n");
}

TEST(Documents, NamesThatWouldMeetAreKeptApart) {
  Tables tables{rules_of("t"), {R"({"a":{"b":1},"a_b":2,"id":0,"l":[{"position":5,"t_id":6}],"":3})"}};
  EXPECT_EQ(tables.schema(""), "a__b int64, a_b int64, id int64 not null, _ int64");
  EXPECT_EQ(tables.schema("l"), "t_id int64 not null, position int64 not null, position_2 int64, t_id_2 int64");
}

TEST(Documents, RulesKeepPathsAsJsonOrLeaveThemOut) {
  auto rules = rules_of("t");
  rules.paths = {{"v", Treatment::Json}, {"l", Treatment::Json}, {"s", Treatment::Skip}};
  Tables tables{rules, {R"({"id":1,"v":{"a": 1},"l":[1, 2],"s":{"x":1},"k":{"l":[3]}})"}};
  EXPECT_EQ(tables.rows(""), "1|{\"a\":1}|[1,2]\n");
  EXPECT_EQ(tables.names(), (std::vector<std::string>{"", "k.l"}));
  auto flat = rules_of("t");
  flat.objects = Treatment::Json;
  flat.lists = Treatment::Json;
  Tables whole{flat, {R"({"id":1,"v":{"a":[1]},"l":[]})"}};
  EXPECT_EQ(whole.rows(""), "1|{\"a\":[1]}|[]\n");
}

TEST(Documents, DeepNestingEndsInJson) {
  std::string text = "1";
  for (int i = 0; i < 100; ++i) text = fmt::format(R"({{"a":{}}})", text);
  auto rules = rules_of("t", {});
  rules.levels_max = 3;
  Tables tables{rules, {text}};
  EXPECT_EQ(tables.schema(""), "a_a_a json");
  EXPECT_NE(tables.rows("").find("\"a\":{\"a\":1}"), std::string::npos);
}

TEST(Documents, TheLastOfRepeatedNamesCounts) {
  Tables tables{rules_of("t"), {R"({"id":1,"a":1,"a":2})"}};
  EXPECT_EQ(tables.rows(""), "1|2\n");
}

TEST(Documents, AMapWhoseNamesAreDataIsRefused) {
  auto rules = rules_of("t");
  rules.columns_max = 3;
  Tables tables{rules, {R"({"id":1,"m":{"a":1,"b":1,"c":1,"d":1}})"}};
  ASSERT_TRUE(tables.error());
  EXPECT_EQ(tables.error()->code(), Code::ResourceExhausted);
  EXPECT_NE(tables.error()->text().find("at m"), std::string::npos);
}

TEST(Documents, ADocumentWithoutItsKeyIsAnError) {
  Tables tables{rules_of("t"), {R"({"id":1,"a":1})", R"({"a":2})"}};
  EXPECT_NE(tables.rows("").find("without its key: id"), std::string::npos);
}

TEST(Documents, StatedTypesHold) {
  auto rules = rules_of("t");
  rules.types = {{"price", data::decimal(10, 2)},
                 {"at", data::timestamp(data::TimeUnit::Micro, "UTC")},
                 {"id", data::type_of(data::Kind::String)}};
  Tables tables{rules, {R"({"id":7,"price":1.10,"at":"2026-03-01T00:00:00Z"})"}};
  EXPECT_EQ(tables.schema(""), "at timestamp(us, UTC), id string not null, price decimal(10,2)");
  EXPECT_EQ(tables.rows(""), "2026-03-01 00:00:00.000000Z|7|1.10\n");
  Tables wrong{rules, {R"({"id":7,"price":"dear"})"}};
  ASSERT_TRUE(wrong.error());
  EXPECT_EQ(wrong.error()->code(), Code::TypeMismatch);
}

// What a contract does to one document, after others were known.
class ContractTest : public ::testing::Test {
 protected:
  static Shape known(Contracts contracts) {
    Tables before{rules_of("t"), {R"({"id":1,"a":1,"l":[{"x":1}]})"}};
    auto rules = rules_of("t");
    rules.contracts = contracts;
    return *Shape::from_json(rules, *parse_json(to_text(before.shape().to_json())));
  }
  static std::string verdict(Contracts contracts, const std::string& text) {
    const auto shape = known(contracts);
    JsonParser parser;
    std::optional<std::string> reason;
    const auto checked = document(parser, text)([&](Value& value) -> Result<void> {
      reason = WEIR_TRY(shape.check(value));
      return {};
    });
    if (!checked.ok()) return "error: " + checked.error().message();
    return reason.value_or("");
  }
};

TEST_F(ContractTest, EvolveTakesEverything) {
  EXPECT_EQ(verdict({}, R"({"id":1,"a":"x","b":1,"m":[1]})"), "");
  Tables tables{known({}), {R"({"id":2,"a":"x","b":1})"}};
  EXPECT_EQ(tables.schema(""), "id int64 not null, a json, b int64");
}

TEST_F(ContractTest, FreezeAndDiscardRowSayWhy) {
  for (const auto& [contract, prefix] : {std::pair{Contract::Freeze, "error: "}, std::pair{Contract::DiscardRow, ""}}) {
    EXPECT_EQ(verdict({.columns = contract}, R"({"id":1,"b":1})"), std::string{prefix} + "the document: a new name: b");
    EXPECT_EQ(verdict({.columns = contract}, R"({"id":1,"l":[{"x":1,"y":2}]})"),
              std::string{prefix} + "l: a new name: y");
    EXPECT_EQ(verdict({.tables = contract}, R"({"id":1,"m":[1]})"),
              std::string{prefix} + "the document: a new list: m");
    EXPECT_EQ(verdict({.types = contract}, R"({"id":1,"a":"x"})"),
              std::string{prefix} + "a: int64 does not hold \"x\"");
    EXPECT_EQ(verdict({contract, contract, contract}, R"({"id":1,"a":null,"l":[]})"), "");
  }
}

TEST_F(ContractTest, DiscardValueLeavesOutWhatIsNew) {
  constexpr auto kDiscard = Contract::DiscardValue;
  Tables tables{known({kDiscard, kDiscard, kDiscard}), {R"({"id":2,"a":"x","b":1,"m":[1],"l":[{"x":3,"y":4}]})"}};
  EXPECT_FALSE(tables.error());
  EXPECT_EQ(tables.schema(""), "id int64 not null, a int64");
  EXPECT_EQ(tables.rows(""), "2|-\n");
  EXPECT_EQ(tables.rows("l"), "2|0|3\n");
  EXPECT_EQ(tables.shape().discarded(), 4U);
}

}  // namespace
}  // namespace weir::documents
