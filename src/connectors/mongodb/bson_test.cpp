#include <bson/bson.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/json.hpp"
#include "connectors/mongodb/bson_check.hpp"
#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/bson_shredder.hpp"
#include "connectors/mongodb/cursor_value.hpp"
#include "connectors/mongodb/familiar.hpp"
#include "connectors/mongodb/spool.hpp"
#include "data/text.hpp"
#include "documents/shredder.hpp"
#include "flow/type_tables.hpp"

namespace weir::mongodb {
namespace {

Document parse(const std::string& json) { return parse_document(parse_json(json).value()).value(); }

std::string json_of(const Document& document, JsonForm form) {
  std::string out;
  append_extended_json(out, BsonType::Document, document.bytes().data(), form);
  return out;
}

// Every type, as MongoDB's own specification writes it.
const char* const kEveryType = R"json({
  "_id":{"$oid":"65e1b2c3d4e5f60718293a4b"},"double":{"$numberDouble":"0.1"},"whole":{"$numberDouble":"3.0"},
  "nan":{"$numberDouble":"NaN"},"low":{"$numberDouble":"-Infinity"},"text":"a\"b\\c\n\u20ac",
  "object":{"a":{"$numberInt":"1"}},"list":[{"$numberInt":"1"},"x",null],
  "bytes":{"$binary":{"base64":"AQID","subType":"00"}},
  "uuid":{"$binary":{"base64":"YfDEBFyzEeeQe6YAatPboA==","subType":"04"}},
  "old":{"$binary":{"base64":"AQ==","subType":"80"}},"gone":{"$undefined":true},"yes":true,
  "at":{"$date":{"$numberLong":"1772369100250"}},"early":{"$date":{"$numberLong":"-1"}},"null":null,
  "regex":{"$regularExpression":{"pattern":"^a/","options":"i"}},"code":{"$code":"f()"},
  "scoped":{"$code":"g(x)","$scope":{"x":{"$numberInt":"1"}}},"symbol":{"$symbol":"s"},
  "int":{"$numberInt":"-7"},"stamp":{"$timestamp":{"t":4294967295,"i":2}},"long":{"$numberLong":"9007199254740993"},
  "decimal":{"$numberDecimal":"1.50"},"huge":{"$numberDecimal":"1E+6000"},"no":{"$numberDecimal":"NaN"},
  "pointer":{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"65e1b2c3d4e5f60718293a4b"}}},
  "min":{"$minKey":1},"max":{"$maxKey":1}})json";

TEST(ExtendedJson, EveryTypeComesBackAsItWas) {
  const auto document = parse(kEveryType);
  EXPECT_EQ(check_document(document.bytes(), NulText::Rejected), std::nullopt);
  EXPECT_EQ(parse_json(json_of(document, JsonForm::Canonical)).value(), parse_json(kEveryType).value());
  // libbson is the oracle of the relaxed form.
  char* oracle = bson_as_relaxed_extended_json(document.get(), nullptr);
  EXPECT_EQ(parse_json(json_of(document, JsonForm::Relaxed)).value(), parse_json(oracle).value());
  bson_free(oracle);
  const auto again = parse(json_of(document, JsonForm::Canonical));
  EXPECT_TRUE(bson_equal(again.get(), document.get()));
}

TEST(ExtendedJson, DatesAreWrittenToTheMillisecond) {
  const auto text = [](std::int64_t milliseconds) {
    return json_of(Document{}.add_time("t", milliseconds), JsonForm::Relaxed);
  };
  EXPECT_EQ(text(0), R"({"t":{"$date":"1970-01-01T00:00:00Z"}})");
  EXPECT_EQ(text(250), R"({"t":{"$date":"1970-01-01T00:00:00.250Z"}})");
  EXPECT_EQ(text(253402300799999), R"({"t":{"$date":"9999-12-31T23:59:59.999Z"}})");
  EXPECT_EQ(text(-1), R"({"t":{"$date":{"$numberLong":"-1"}}})");
}

TEST(ParseDocument, QueriesAreTakenAsTheyAre) {
  const auto query = R"({"$or":[{"at":{"$gte":{"$date":"2026-03-01T00:00:00Z"}}},{"n":{"$not":{"$type":[1,16]}}}],)"
                     R"("s":{"$regex":"^a","$options":"i"},"id":{"$oid":"65e1b2c3d4e5f60718293a4b"}})";
  EXPECT_EQ(json_of(parse(query), JsonForm::Relaxed), query);
}

// Bytes by hand: what libbson would refuse to build.
std::string element(char type, std::string_view name, std::string_view value) {
  std::string out{type};
  out.append(name).append(1, '\0').append(value);
  return out;
}
std::string length(std::size_t size) {
  const auto value = static_cast<std::int32_t>(size);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string text_value(std::string_view text) { return length(text.size() + 1).append(text).append(1, '\0'); }
std::string document(const std::string& elements) {
  return length(elements.size() + 5) + elements + std::string(1, '\0');
}

std::string reason(const std::string& bytes, NulText nul = NulText::Rejected) {
  return check_document({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, nul).value_or("good");
}

TEST(CheckDocument, NamesWhatIsWrongAndWhere) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(reason(document("")), "good");
  EXPECT_EQ(reason(document(element('\2', "a", text_value("long enough to be looked at in words")))), "good");
  EXPECT_EQ(reason(document(element('\2', "a", text_value("h\xc3\xa9llo, w\xc3\xb6rld and more")))), "good");
  EXPECT_EQ(reason(document(element('\3', "o", document(element('\2', "a", text_value("\xff")))))),
            "o.a: a text that is not UTF-8");
  EXPECT_EQ(reason(document(element('\2', "a", text_value("12345678\0 12345678"sv)))),
            "a: a text with the character U+0000");
  EXPECT_EQ(reason(document(element('\2', "a", text_value("\0"sv))), NulText::Kept), "good");
  const auto number = length(1);
  EXPECT_EQ(reason(document(element('\20', "a", number) + element('\20', "b", number) + element('\20', "a", number))),
            "a: a name that its object has twice");
  EXPECT_EQ(reason(document(element('\20', "\xff", number))), "(a name that is not UTF-8): a name that is not UTF-8");
  EXPECT_EQ(reason(document(element('\11', "d", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8)))),
            "d: a date outside of the years 1 to 9999");
  EXPECT_EQ(reason(document(element('\x55', "x", ""))), "x: a value of an unknown type 85");
}

TEST(CheckDocument, ManyNamesAreComparedToo) {
  std::string elements;
  for (int i = 0; i < 1'000; ++i) elements += element('\12', fmt::format("name{}", i), "");
  EXPECT_EQ(reason(document(elements)), "good");
  EXPECT_EQ(reason(document(elements + element('\12', "name3", ""))), "name3: a name that its object has twice");
  EXPECT_EQ(reason(document(elements + element('\12', "name999", ""))), "name999: a name that its object has twice");
}

TEST(CheckDocument, NestingHasAnEnd) {
  // From the outside in: wrapping would copy all that is inside again for each level.
  const auto nested = [](std::size_t levels) {
    std::string bytes;
    for (std::size_t level = levels; level > 0; --level) bytes += length(8 * level + 5) + element('\3', "o", "");
    bytes += document("");
    bytes.append(levels, '\0');
    return bytes;
  };
  EXPECT_EQ(reason(nested(100)), "good");
  EXPECT_EQ(reason(nested(200)), "good");
  EXPECT_NE(reason(nested(201)).find("nested deeper than 200 levels"), std::string::npos);
  EXPECT_NE(reason(nested(50'000)), "good");
}

// Whatever the bytes say, nothing is read beyond them (the sanitizers look on) and nothing that is not whole is called good.
TEST(CheckDocument, DamagedBytesAreNeverRead) {
  const auto whole = parse(kEveryType);
  const std::string bytes{reinterpret_cast<const char*>(whole.bytes().data()), whole.bytes().size()};
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(check_document(cut, NulText::Kept), std::nullopt) << size;
  }
  std::uint32_t random = 7;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::uint8_t> spoilt(bytes.begin(), bytes.end());
    for (int k = 0; k < 3; ++k) {
      random = random * 1'664'525 + 1'013'904'223;
      spoilt[(random >> 8) % spoilt.size()] = static_cast<std::uint8_t>(random);
    }
    if (check_document(spoilt, NulText::Kept)) continue;
    std::string out;
    append_extended_json(out, BsonType::Document, spoilt.data(), JsonForm::Canonical);
    EXPECT_TRUE(parse_json(out).ok());
  }
}

void expect_equal(const data::Batch& left, const data::Batch& right) {
  ASSERT_EQ(left.rows(), right.rows());
  ASSERT_EQ(left.schema()->text(), right.schema()->text());
  for (std::size_t i = 0; i < left.columns().size(); ++i) {
    const auto& a = left.column(i);
    const auto& b = right.column(i);
    for (std::size_t row = 0; row < left.rows(); ++row) {
      ASSERT_EQ(a.is_null(row), b.is_null(row)) << left.schema()->fields[i].name << " " << row;
      if (a.is_null(row)) continue;
      ASSERT_EQ(data::value_text(a, row), data::value_text(b, row)) << row;
    }
  }
}

// One table of these documents: its schema, then a row a line.
std::string table(const std::vector<std::string>& texts, const std::string& path = "") {
  documents::Rules rules;
  rules.name = "t";
  rules.key = {"_id"};
  documents::Shape shape{rules};
  std::vector<Document> documents;
  for (const auto& text : texts) {
    documents.push_back(parse(text));
    auto root = BsonValue::root(documents.back().bytes());
    EXPECT_TRUE(shape.observe(root).ok());
  }
  for (const auto& one : documents::tables_of(shape)) {
    if (one.path != path) continue;
    std::vector<std::size_t> all(one.columns.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    documents::Shredder shredder{shape, one, all};
    for (const auto& document : documents) {
      const auto added = shredder.add(
          [&](const documents::TakeElement& take) {
            auto root = BsonValue::root(document.bytes());
            return take(root);
          },
          {});
      if (!added.ok()) return added.error().text();
    }
    auto out = one.schema.text();
    const auto batch = shredder.take();
    // The other one, which reads the bytes itself, makes the same rows.
    BsonShredder direct{shape, one, all};
    for (const auto& document : documents) EXPECT_TRUE(direct.add(document.bytes()).ok());
    expect_equal(direct.take(), batch);
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      out += '\n';
      for (const auto& column : batch.columns())
        out += (&column == batch.columns().data() ? "" : "|") +
               (column.is_null(row) ? std::string{"NULL"} : data::value_text(column, row));
    }
    return out;
  }
  return "no such table";
}

TEST(BsonValue, EveryTypeHasItsColumn) {
  EXPECT_EQ(table({R"({"_id":1,"v":{"$numberDouble":"1.5"}})"}), "_id int64 not null, v float64\n1|1.5");
  EXPECT_EQ(table({R"({"_id":1,"v":7})", R"({"_id":2,"v":{"$numberDouble":"1.5"}})"}),
            "_id int64 not null, v float64\n1|7\n2|1.5");
  EXPECT_EQ(table({R"({"_id":{"$oid":"65e1b2c3d4e5f60718293a4b"},"v":{"$date":"2026-03-01T12:45:00.250Z"}})"}),
            "_id string not null, v timestamp(ms, UTC)\n65e1b2c3d4e5f60718293a4b|2026-03-01 12:45:00.250Z");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$numberDecimal":"1.50"}})", R"({"_id":2,"v":{"$numberDecimal":"-0.125"}})",
                   R"({"_id":3,"v":{"$numberDecimal":"1E+3"}})", R"({"_id":4,"v":7})"}),
            "_id int64 not null, v decimal(38,3)\n1|1.500\n2|-0.125\n3|1000.000\n4|7.000");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$numberDecimal":"1234567890123456789012345678901234"}})",
                   R"({"_id":2,"v":{"$numberDecimal":"0.000000000000000000001"}})"}),
            "_id int64 not null, v decimal(76,21)\n1|1234567890123456789012345678901234.000000000000000000000\n"
            "2|0.000000000000000000001");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$numberDecimal":"1E+100"}})"}),
            "_id int64 not null, v json\n1|{\"$numberDecimal\":\"1E+100\"}");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$binary":{"base64":"AQID","subType":"00"}}})"}),
            "_id int64 not null, v binary\n1|\\x010203");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$binary":{"base64":"YfDEBFyzEeeQe6YAatPboA==","subType":"04"}}})"}),
            "_id int64 not null, v uuid\n1|61f0c404-5cb3-11e7-907b-a6006ad3dba0");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$minKey":1}})", R"({"_id":2,"v":{"$timestamp":{"t":5,"i":6}}})"}),
            "_id int64 not null, v json\n1|{\"$minKey\":1}\n2|{\"$timestamp\":{\"t\":5,\"i\":6}}");
  EXPECT_EQ(table({R"({"_id":1,"v":null})", R"({"_id":2})", R"({"_id":3,"v":true})"}),
            "_id int64 not null, v bool\n1|NULL\n2|NULL\n3|true");
}

// The table of TYPES.md, row by row: a value of each type, the column that it becomes, and its text.
TEST(BsonValue, EveryRowOfTheTypeTableHoldsItsExtremes) {
  struct Case {
    std::string names, json, column;
  };
  const std::vector<Case> cases{
      {"double", R"({"$numberDouble":"5e-324"})", "float64\n1|5e-324"},
      {"double", R"({"$numberDouble":"NaN"})", "float64\n1|nan"},
      {"double", R"({"$numberDouble":"-Infinity"})", "float64\n1|-inf"},
      {"string", R"("  Привет 🌍 \"")", "string\n1|  Привет 🌍 \""},
      {"binary, subtype 0", R"({"$binary":{"base64":"AAH/","subType":"00"}})", "binary\n1|\\x0001ff"},
      {"binary, subtype 4", R"({"$binary":{"base64":"/////////////////////w==","subType":"04"}})",
       "uuid\n1|ffffffff-ffff-ffff-ffff-ffffffffffff"},
      {"ObjectId", R"({"$oid":"ffffffffffffffffffffffff"})", "string\n1|ffffffffffffffffffffffff"},
      {"bool", "false", "bool\n1|false"},
      {"date", R"({"$date":{"$numberLong":"-62135596800000"}})", "timestamp(ms, UTC)\n1|0001-01-01 00:00:00.000Z"},
      {"date", R"({"$date":{"$numberLong":"253402300799999"}})", "timestamp(ms, UTC)\n1|9999-12-31 23:59:59.999Z"},
      {"int32", R"({"$numberInt":"-2147483648"})", "int64\n1|-2147483648"},
      {"int64", R"({"$numberLong":"-9223372036854775808"})", "int64\n1|-9223372036854775808"},
      {"Decimal128", R"({"$numberDecimal":"-9999999999999999999999999999.999999"})",
       "decimal(38,6)\n1|-9999999999999999999999999999.999999"},
      {"Decimal128", R"({"$numberDecimal":"Infinity"})", "json\n1|{\"$numberDecimal\":\"Infinity\"}"},
      {"timestamp", R"({"$timestamp":{"t":4294967295,"i":4294967295}})",
       "json\n1|{\"$timestamp\":{\"t\":4294967295,\"i\":4294967295}}"},
      {"regular expression", R"({"$regularExpression":{"pattern":"^a/","options":"i"}})",
       "json\n1|{\"$regularExpression\":{\"pattern\":\"^a/\",\"options\":\"i\"}}"},
      {"code", R"({"$code":"f"})", "json\n1|{\"$code\":\"f\"}"},
      {"code with scope", R"({"$code":"g","$scope":{"x":{"$numberInt":"1"}}})",
       "json\n1|{\"$code\":\"g\",\"$scope\":{\"x\":1}}"},
      {"symbol", R"({"$symbol":"s"})", "json\n1|{\"$symbol\":\"s\"}"},
      {"DBPointer", R"({"$dbPointer":{"$ref":"db.c","$id":{"$oid":"65e1b2c3d4e5f60718293a4b"}}})",
       "json\n1|{\"$dbPointer\":{\"$ref\":\"db.c\",\"$id\":{\"$oid\":\"65e1b2c3d4e5f60718293a4b\"}}}"},
      {"undefined", R"({"$undefined":true})", "json\n1|{\"$undefined\":true}"},
      {"MinKey", R"({"$minKey":1})", "json\n1|{\"$minKey\":1}"},
      {"MaxKey", R"({"$maxKey":1})", "json\n1|{\"$maxKey\":1}"},
  };
  std::set<std::string> walked;
  for (const auto& each : cases) {
    EXPECT_EQ(table({"{\"_id\":1,\"v\":" + each.json + "}"}), "_id int64 not null, v " + each.column) << each.names;
    walked.merge(flow::testing::split_names(each.names));
  }
  EXPECT_EQ(table({R"({"_id":1,"v":{"a":1}})"}), "_id int64 not null, v_a int64\n1|1");
  walked.insert("object");
  EXPECT_EQ(table({R"({"_id":1,"v":[7]})"}, "v"), "t__id int64 not null, position int64 not null, value int64\n1|0|7");
  walked.insert("array");
  EXPECT_EQ(table({R"({"_id":1,"v":true})", R"({"_id":2,"v":null})", R"({"_id":3})"}),
            "_id int64 not null, v bool\n1|true\n2|NULL\n3|NULL");
  walked.merge(std::set<std::string>{"null", "missing"});
  EXPECT_EQ(walked, flow::testing::names_in_table(WEIR_SOURCE_DIR "/src/connectors/mongodb/TYPES.md", "## From BSON"));
}

TEST(BsonValue, MixedTypesBecomeJsonAndNeverNull) {
  EXPECT_EQ(table({R"({"_id":1,"v":"7"})", R"({"_id":2,"v":7})", R"({"_id":3,"v":{"$oid":"65e1b2c3d4e5f60718293a4b"}})",
                   R"({"_id":4,"v":{"$date":"2026-03-01T00:00:00Z"}})", R"({"_id":5,"v":false})"}),
            "_id int64 not null, v json\n1|\"7\"\n2|7\n3|{\"$oid\":\"65e1b2c3d4e5f60718293a4b\"}\n"
            "4|{\"$date\":\"2026-03-01T00:00:00Z\"}\n5|false");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$numberDecimal":"0.1"}})", R"({"_id":2,"v":{"$numberDouble":"0.1"}})"}),
            "_id int64 not null, v json\n1|{\"$numberDecimal\":\"0.1\"}\n2|0.1");
  EXPECT_EQ(table({R"({"_id":1,"v":{"$numberLong":"9007199254740993"}})", R"({"_id":2,"v":{"$numberDouble":"0.5"}})"}),
            "_id int64 not null, v json\n1|9007199254740993\n2|0.5");
  // An object beside a scalar: the object's members are columns, and the scalar has its own.
  EXPECT_EQ(table({R"({"_id":1,"v":{"a":1}})", R"({"_id":2,"v":"x"})"}),
            "_id int64 not null, v string, v_a int64\n1|NULL|1\n2|x|NULL");
}

TEST(BsonValue, ListsBecomeTablesWithTheirDocumentsKey) {
  const std::vector<std::string> documents{
      R"({"_id":{"$oid":"65e1b2c3d4e5f60718293a4b"},"messages":[{"at":{"$date":"2026-03-01T00:00:00Z"},"text":"a"},{"text":"b"}]})",
      R"({"_id":{"$oid":"65e1b2c3d4e5f60718293a4c"},"messages":[]})"};
  EXPECT_EQ(table(documents, "messages"),
            "t__id string not null, position int64 not null, at timestamp(ms, UTC), text string\n"
            "65e1b2c3d4e5f60718293a4b|0|2026-03-01 00:00:00.000Z|a\n65e1b2c3d4e5f60718293a4b|1|NULL|b");
}

// Documents of a few names, with values of every type at any of them, nested and in lists.
class RandomDocuments {
 public:
  Document next() {
    Document document;
    if (below(10) == 0) {
      document.add("_id", fmt::format("id {}", ++count_));
    } else {
      document.add("_id", ++count_);
    }
    fill(*document.get(), 0);
    return document;
  }

 private:
  std::uint32_t below(std::uint32_t end) {
    random_ = random_ * 1'664'525 + 1'013'904'223;
    return (random_ >> 8) % end;
  }
  void fill(bson_t& to, int level) {
    // In any order, each at most once.
    const std::uint32_t first = below(5);
    for (std::uint32_t i = 0; i < 5; ++i) {
      if (below(3) != 0) add(to, std::string(1, static_cast<char>('a' + (first + i) % 5)), level);
    }
  }
  void add(bson_t& to, const std::string& name, int level) {
    const auto every = parse(kEveryType);
    const auto choice = below(level < 3 ? 12 : 8);
    if (choice < 6) {  // mostly the same type at a name
      bson_append_int64(&to, name.c_str(), -1, static_cast<std::int64_t>(below(1'000)) << below(54));
    } else if (choice < 8) {
      bson_iter_t value;
      bson_iter_init(&value, every.get());
      for (auto skipped = below(27); skipped > 0; --skipped) bson_iter_next(&value);
      bson_iter_next(&value);
      bson_append_iter(&to, name.c_str(), -1, &value);
    } else if (choice < 10) {
      bson_t inner;
      bson_append_document_begin(&to, name.c_str(), -1, &inner);
      fill(inner, level + 1);
      bson_append_document_end(&to, &inner);
    } else {
      bson_t list;
      bson_append_array_begin(&to, name.c_str(), -1, &list);
      for (std::uint32_t i = 0, end = below(4); i < end; ++i) {
        if (below(4) == 0) {
          add(list, std::to_string(i), level + 1);
        } else {
          bson_t inner;
          bson_append_document_begin(&list, std::to_string(i).c_str(), -1, &inner);
          fill(inner, level + 1);
          bson_append_document_end(&list, &inner);
        }
      }
      bson_append_array_end(&to, &list);
    }
  }

  std::uint32_t random_ = 1;
  std::int32_t count_ = 0;
};

documents::Rules random_rules(int variant) {
  documents::Rules rules;
  rules.name = "t";
  rules.key = {"_id"};
  if (variant % 2 == 1) rules.paths = {{"a", documents::Treatment::Json}, {"b.c", documents::Treatment::Skip}};
  if (variant >= 2) rules.levels_max = 2;
  return rules;
}

TEST(KnownName, IsFoundAsAComparisonOfItsBytesFindsIt) {
  for (const std::size_t length : {0U, 1U, 6U, 7U, 8U, 9U, 14U, 15U, 16U, 17U, 40U}) {
    const auto name = std::string{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst"}.substr(0, length);
    const KnownName known{name};
    EXPECT_EQ(known.size(), length + 1);
    // Nothing stands behind the limit, so that reading there is seen by a sanitizer.
    const auto is_in = [&](const std::string& text, std::size_t more) {
      std::vector<std::uint8_t> bytes(text.begin(), text.end());
      bytes.resize(text.size() + more, 'x');
      bytes.shrink_to_fit();
      return known.is_at(bytes.data(), bytes.data() + bytes.size());
    };
    const auto whole = name + '\0';
    for (const std::size_t more : {0U, 1U, 7U, 8U, 50U}) {
      EXPECT_TRUE(is_in(whole, more)) << name;
      EXPECT_FALSE(is_in(name + "x", more)) << name;
      EXPECT_FALSE(is_in(name + "a" + '\0', more)) << name;
      EXPECT_FALSE(is_in(std::string(1, '\0') + whole, more) && length > 0) << name;
      for (std::size_t i = 0; i < length; ++i) {
        auto other = whole;
        other[i] = '-';
        EXPECT_FALSE(is_in(other, more)) << name;
        EXPECT_FALSE(is_in(whole.substr(0, i), 0)) << name;
      }
    }
  }
}

TEST(BsonShredder, MakesTheRowsThatTheGeneralOneMakes) {
  for (int variant = 0; variant < 4; ++variant) {
    RandomDocuments random;
    documents::Shape shape{random_rules(variant)};
    std::vector<Document> documents;
    for (int i = 0; i < 200; ++i) {
      documents.push_back(random.next());
      ASSERT_EQ(check_document(documents.back().bytes(), NulText::Rejected), std::nullopt);
      auto root = BsonValue::root(documents.back().bytes());
      ASSERT_TRUE(shape.observe(root).ok());
    }
    const auto tables = documents::tables_of(shape);
    EXPECT_GT(tables.size(), variant >= 2 ? 1U : 3U);
    for (const auto& one : tables) {
      std::vector<std::size_t> wanted;  // not all, and not in their order
      for (std::size_t i = one.columns.size(); i-- > 0;)
        if (i % 5 != 4) wanted.push_back(i);
      documents::Shredder general{shape, one, wanted};
      BsonShredder direct{shape, one, wanted};
      for (const auto& document : documents) {
        const documents::Document read = [&](const documents::TakeElement& take) {
          auto root = BsonValue::root(document.bytes());
          return take(root);
        };
        ASSERT_TRUE(general.add(read, {}).ok());
        ASSERT_TRUE(direct.add(document.bytes()).ok());
        if (!one.path.empty() && one.columns.size() == wanted.size()) {
          ASSERT_TRUE(general.add_keys(read).ok());
          ASSERT_TRUE(direct.add_keys(document.bytes()).ok());
        }
      }
      expect_equal(direct.take(), general.take());
    }
  }
}

// What is called familiar is sound and teaches nothing; a document that has just been observed is familiar.
TEST(FamiliarDocuments, AreSoundAndTeachNothing) {
  for (int variant = 0; variant < 4; ++variant) {
    RandomDocuments random;
    documents::Shape shape{random_rules(variant)};
    int familiar = 0;
    for (int i = 0; i < 150; ++i) {
      const auto document = random.next();
      const bool known = FamiliarDocuments{shape, NulText::Rejected}.knows(document.bytes());
      const auto growth = shape.growth();
      auto root = BsonValue::root(document.bytes());
      ASSERT_TRUE(shape.observe(root).ok());
      EXPECT_TRUE(!known || shape.growth() == growth);
      familiar += known ? 1 : 0;
    }
    EXPECT_GT(familiar, 0);
    const auto plain = parse(R"({"_id":1,"a":7,"x":[{"y":"z"}]})");
    auto root = BsonValue::root(plain.bytes());
    ASSERT_TRUE(shape.observe(root).ok());
    EXPECT_TRUE(FamiliarDocuments(shape, NulText::Rejected).knows(plain.bytes()));
  }
}

TEST(FamiliarDocuments, AreNeverDamagedOrWithoutTheirKey) {
  documents::Shape shape{random_rules(0)};
  const auto whole = parse(R"({"_id":1,"a":"text","b":{"c":[1,2]},"at":{"$date":"2026-03-01T00:00:00Z"}})");
  auto root = BsonValue::root(whole.bytes());
  ASSERT_TRUE(shape.observe(root).ok());
  for (const char* odd : {R"({"a":"text"})", R"({"_id":null,"a":"text"})", R"({"_id":1,"a":"te\u0000t"})",
                          R"({"_id":1,"a":7})", R"({"_id":1,"d":7})"})
    EXPECT_FALSE(FamiliarDocuments(shape, NulText::Rejected).knows(parse(odd).bytes())) << odd;
  Document twice;
  twice.add("_id", 1).add("a", "x").add("a", "y");
  EXPECT_FALSE(FamiliarDocuments(shape, NulText::Rejected).knows(twice.bytes()));
  FamiliarDocuments familiar{shape, NulText::Rejected};
  EXPECT_TRUE(familiar.knows(whole.bytes()));
  std::uint32_t random = 7;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::uint8_t> spoilt(whole.bytes().begin(), whole.bytes().end());
    for (int k = 0; k < 2; ++k) {
      random = random * 1'664'525 + 1'013'904'223;
      spoilt[(random >> 8) % spoilt.size()] = static_cast<std::uint8_t>(random);
    }
    if (random % 3 == 0) spoilt.resize((random >> 8) % spoilt.size());
    EXPECT_TRUE(!familiar.knows(spoilt) || !check_document(spoilt, NulText::Rejected));
  }
}

TEST(Spool, WhatIsWrittenIsReadAndTheRestIsNotThere) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("weir-spool-{}", ::getpid());
  const auto small = parse(R"({"_id":1})");
  const auto large = parse(fmt::format(R"({{"_id":2,"text":"{}"}})", std::string(3'000'000, 'x')));
  {
    const auto writer = SpoolWriter::create(path).value();
    ASSERT_TRUE(writer->add({SpoolEntry::Kind::Document, small.bytes(), {}}).ok());
    ASSERT_TRUE(writer->add({SpoolEntry::Kind::Reject, large.bytes(), "too large"}).ok());
    ASSERT_TRUE(writer->add({SpoolEntry::Kind::Delete, small.bytes(), {}}).ok());
    EXPECT_FALSE(SpoolReader::is_complete(path));
    ASSERT_TRUE(writer->finish().ok());
  }
  EXPECT_TRUE(SpoolReader::is_complete(path));
  const auto reader = SpoolReader::open(path).value();
  EXPECT_EQ(reader->next().value()->kind, SpoolEntry::Kind::Document);
  const auto second = reader->next().value();
  EXPECT_EQ(second->reason, "too large");
  EXPECT_TRUE(std::ranges::equal(second->bytes, large.bytes()));
  EXPECT_EQ(reader->next().value()->kind, SpoolEntry::Kind::Delete);
  EXPECT_FALSE(reader->next().value().has_value());

  // Cut off anywhere, it is not complete; a byte that fell over is found.
  const auto size = std::filesystem::file_size(path);
  auto bytes = read_file(path).value();
  bytes[size / 2] = static_cast<char>(bytes[size / 2] ^ 1);
  ASSERT_TRUE(write_file(path, bytes).ok());
  const auto damaged = SpoolReader::open(path).value();
  bool failed = false;
  for (int i = 0; i < 3 && !failed; ++i) failed = !damaged->next().ok();
  EXPECT_TRUE(failed);
  std::filesystem::resize_file(path, size - 1);
  EXPECT_FALSE(SpoolReader::is_complete(path));
  std::filesystem::remove(path);
}

TEST(CursorState, GoesOnWhereItEndedAndKnowsWhatItHad) {
  const CursorField field{.path = "at", .lag = std::chrono::seconds{0}};
  CursorState first{field};
  const auto a = parse(R"({"_id":1,"at":{"$date":"2026-03-01T00:00:00Z"}})");
  const auto b = parse(R"({"_id":2,"at":{"$date":"2026-03-02T00:00:00Z"}})");
  const auto odd = parse(R"({"_id":3,"at":"yesterday"})");
  for (const auto& document : {a, b, odd, parse(R"({"_id":4})")}) first.take(document.bytes());
  EXPECT_EQ(first.odd(), 1U);  // a text is a value, but not of the kind that most documents have
  const auto next = CursorState::from_json(field, first.to_json()).value();
  EXPECT_EQ(json_of(next.filter(), JsonForm::Relaxed),
            R"({"$or":[{"at":{"$gte":{"$date":"2026-03-02T00:00:00Z"}}},{"at":{"$not":{"$type":[9]}}}]})");
  EXPECT_TRUE(next.was_loaded(b.bytes()));
  EXPECT_FALSE(next.was_loaded(a.bytes()));
  EXPECT_FALSE(next.was_loaded(parse(R"({"_id":5,"at":{"$date":"2026-03-02T00:00:00Z"}})").bytes()));
  // A run without anything new ends where the one before did.
  EXPECT_EQ(CursorState{field}.advanced(next).to_json(), first.to_json());
}

TEST(CursorState, ALagReadsAgainWhatMayHaveComeLate) {
  const CursorField field{.path = "at", .lag = std::chrono::hours{24}, .odd = OddCursor::Skipped};
  CursorState state{field};
  state.take(parse(R"({"_id":1,"at":{"$date":"2026-03-01T12:00:00Z"}})").bytes());
  state.take(parse(R"({"_id":2,"at":{"$date":"2026-03-02T00:00:00Z"}})").bytes());
  const auto next = CursorState::from_json(field, state.to_json()).value();
  EXPECT_EQ(json_of(next.filter(), JsonForm::Relaxed), R"({"at":{"$gte":{"$date":"2026-03-01T00:00:00Z"}}})");
  EXPECT_TRUE(next.was_loaded(parse(R"({"_id":1,"at":{"$date":"2026-03-01T12:00:00Z"}})").bytes()));
  EXPECT_FALSE(next.was_loaded(parse(R"({"_id":3,"at":{"$date":"2026-03-01T12:00:00Z"}})").bytes()));
}

}  // namespace
}  // namespace weir::mongodb
