#include <gtest/gtest.h>

#include <map>
#include <set>

#include "connectors/postgres/live_server.hpp"
#include "connectors/postgres/statement.hpp"
#include "flow/type_tables.hpp"

// The type table (TYPES.md) against a real server: what a read gives, and that writing it back gives the same value.
namespace weir::postgres::live {
namespace {

using data::Kind;

enum class WritesBack : bool { No, Yes };

struct TypeCase {
  std::string native;
  std::string literal;
  std::string type;  // Weir's
  std::string text;  // Weir's text of the value
  WritesBack writes_back = WritesBack::Yes;
};

const std::vector<TypeCase>& type_cases() {
  static const std::string many_digits = std::string(131072, '9') + "." + std::string(16383, '9');
  static const std::vector<TypeCase> cases{
      {"boolean", "true", "bool", "true"},
      {"boolean", "false", "bool", "false"},
      {"smallint", "-32768", "int16", "-32768"},
      {"integer", "2147483647", "int32", "2147483647"},
      {"bigint", "-9223372036854775808", "int64", "-9223372036854775808"},
      {"oid", "4294967295", "uint32", "4294967295"},
      {"real", "3.4028235e+38", "float32", "3.4028235e+38"},
      {"real", "NaN", "float32", "nan"},
      {"double precision", "5e-324", "float64", "5e-324"},
      {"double precision", "-Infinity", "float64", "-inf"},
      {"numeric(9,2)", "-1234567.89", "decimal(9,2)", "-1234567.89"},
      {"numeric(18,4)", "99999999999999.9999", "decimal(18,4)", "99999999999999.9999"},
      {"numeric(18,18)", "0.999999999999999999", "decimal(18,18)", "0.999999999999999999"},
      {"numeric(12,2)", "0", "decimal(12,2)", "0.00"},
      {"numeric(12,2)", "10000.10", "decimal(12,2)", "10000.10"},
      {"numeric(38,10)", "-9999999999999999999999999999.9999999999", "decimal(38,10)",
       "-9999999999999999999999999999.9999999999"},
      {"numeric(76,38)", std::string(38, '9') + "." + std::string(38, '9'), "decimal(76,38)",
       std::string(38, '9') + "." + std::string(38, '9')},
      {"numeric(76,0)", "-" + std::string(76, '9'), "decimal(76,0)", "-" + std::string(76, '9')},
      {"numeric(77,0)", std::string(77, '9'), "string", std::string(77, '9'), WritesBack::No},
      {"numeric(3,5)", "0.00999", "decimal(5,5)", "0.00999"},
      {"numeric(3,-2)", "99900", "decimal(5,0)", "99900", WritesBack::No},
      {"numeric", many_digits, "string", many_digits},
      {"numeric", "-0.00010", "string", "-0.00010"},
      {"numeric", "10000000000", "string", "10000000000"},
      {"numeric", "NaN", "string", "NaN"},
      {"numeric", "-Infinity", "string", "-Infinity"},
      {"money", "-92233720368547758.08", "decimal(19,2)", "-92233720368547758.08"},
      {"text", "  Привет, 🌍 ", "string", "  Привет, 🌍 "},
      {"text", "", "string", ""},
      {"varchar(5)", "abcde", "string", "abcde"},
      {"char(5)", "ab", "string", "ab   "},
      {"name", "a_name", "string", "a_name"},
      {"\"char\"", "x", "string", "x"},
      {"bytea", "\\x0001ff", "binary", "\\x0001ff"},
      {"date", "4713-01-01 BC", "date", "-4712-01-01"},
      {"date", "1969-12-31", "date", "1969-12-31"},
      {"date", "5874897-12-31", "date", "5874897-12-31"},
      {"time", "24:00:00", "time(us)", "24:00:00.000000"},
      {"time", "23:59:59.999999", "time(us)", "23:59:59.999999"},
      {"timetz", "12:45:00.25+03", "string", "12:45:00.25+03"},
      {"timestamp", "1969-12-31 23:59:59.999999", "timestamp(us)", "1969-12-31 23:59:59.999999"},
      {"timestamp", "4713-01-01 00:00:00 BC", "timestamp(us)", "-4712-01-01 00:00:00.000000"},
      {"timestamp", "294246-12-31 23:59:59", "timestamp(us)", "294246-12-31 23:59:59.000000"},
      {"timestamptz", "2026-03-01 15:45:00.25+03", "timestamp(us, UTC)", "2026-03-01 12:45:00.250000Z"},
      {"timestamp(0)", "2026-03-01 12:45:01", "timestamp(us)", "2026-03-01 12:45:01.000000"},
      {"interval", "1 year 2 months 3 days 04:05:06.5", "interval", "P1Y2M3DT4H5M6.5S"},
      {"interval", "-178000000 years", "interval", "P-178000000Y"},
      {"uuid", "61f0c404-5cb3-11e7-907b-a6006ad3dba0", "uuid", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"},
      {"json", "{\"b\":  1, \"a\": [null]}", "json", "{\"b\":  1, \"a\": [null]}"},
      {"jsonb", "{\"b\":  1, \"a\": [null]}", "json", "{\"a\": [null], \"b\": 1}"},
      {"xml", "<a>1</a>", "string", "<a>1</a>"},
      {"bit(3)", "101", "string", "101"},
      {"varbit", "10101", "string", "10101"},
      {"inet", "192.168.0.1/24", "string", "192.168.0.1/24"},
      {"cidr", "2001:db8::/32", "string", "2001:db8::/32"},
      {"macaddr", "08:00:2b:01:02:03", "string", "08:00:2b:01:02:03"},
      {"macaddr8", "08:00:2b:01:02:03:04:05", "string", "08:00:2b:01:02:03:04:05"},
      {"point", "(1,2.5)", "string", "(1,2.5)"},
      {"box", "(3,4),(1,2)", "string", "(3,4),(1,2)"},
      {"path", "[(1,2),(3,4)]", "string", "[(1,2),(3,4)]"},
      {"polygon", "((1,2),(3,4),(5,6))", "string", "((1,2),(3,4),(5,6))"},
      {"circle", "<(1,2),3>", "string", "<(1,2),3>"},
      {"tsvector", "'fat':2 'cat':3", "string", "'cat':3 'fat':2"},
      {"tsquery", "fat & !cat", "string", "'fat' & !'cat'"},
      {"pg_lsn", "16/B374D848", "string", "16/B374D848"},
      {"regclass", "pg_class", "string", "pg_class"},
      {"line", "{1,-1,0}", "string", "{1,-1,0}"},
      {"lseg", "[(1,2),(3,4.5)]", "string", "[(1,2),(3,4.5)]"},
      {"hstore", "\"a\"=>\"1\", \"b\"=>NULL", "string", "\"a\"=>\"1\", \"b\"=>NULL"},
      {"mood", "happy", "string", "happy"},
      {"positive", "7", "int32", "7"},
      {"price", "7.5", "decimal(10,2)", "7.50"},
      {"int4range", "[1,5)", "string", "[1,5)"},
      {"tstzrange", "[2026-01-01 00:00+00,infinity)", "string", "[\"2026-01-01 00:00:00+00\",infinity)"},
      {"int4multirange", "{[1,3),[5,7)}", "string", "{[1,3),[5,7)}"},
      {"address", "(\"Main, 1\",7)", "json", "{\"street\":\"Main, 1\",\"number\":7}", WritesBack::No},
      {"integer[]", "{1,NULL,-3}", "list<int32>", "[1,null,-3]"},
      {"integer[]", "{}", "list<int32>", "[]"},
      {"text[]", "{\"a \\\"b\\\"\",NULL,\"\"}", "list<string>", "[\"a \\\"b\\\"\",null,\"\"]"},
      {"numeric(10,2)[]", "{1.5}", "list<decimal(10,2)>", "[1.50]"},
      {"timestamptz[]", "{\"2026-03-01 12:00:00+00\"}", "list<timestamp(us, UTC)>",
       "[\"2026-03-01 12:00:00.000000Z\"]"},
      {"mood[]", "{happy,sad}", "list<string>", "[\"happy\",\"sad\"]"},
      {"inet[]", "{10.0.0.1}", "list<string>", "[\"10.0.0.1/32\"]"},
      {"address[]", "{\"(a,1)\"}", "json", "[{\"street\":\"a\",\"number\":1}]", WritesBack::No},
  };
  return cases;
}

// What TYPES.md calls a case's type.
std::string name_in_table(const TypeCase& each) {
  static const std::map<std::string, std::string> kNames{{"address", "composite types"},
                                                         {"bit(3)", "bit"},
                                                         {"char(5)", "char(n)"},
                                                         {"hstore", "types of extensions"},
                                                         {"int4multirange", "multiranges"},
                                                         {"int4range", "ranges"},
                                                         {"mood", "enums"},
                                                         {"positive", "domains"},
                                                         {"price", "domains"},
                                                         {"regclass", "reg*"},
                                                         {"timestamp(0)", "timestamp"},
                                                         {"tstzrange", "ranges"},
                                                         {"varchar(5)", "varchar"}};
  if (each.native.ends_with("[]")) return "T[]";
  if (each.native.starts_with("numeric(")) return each.type == "string" ? "numeric(p,s) with p > 76" : "numeric(p,s)";
  const auto found = kNames.find(each.native);
  return found == kNames.end() ? each.native : found->second;
}

// The same for a type of ours that a new table gets.
std::string name_in_table(const data::Type& type) {
  switch (type.kind) {
    case Kind::Decimal: return "decimal(p,s)";
    case Kind::Timestamp: return "timestamp without and with zone";
    case Kind::Time: return "time";
    case Kind::List: return "list of T";
    case Kind::Struct: return "struct";
    default: return type.text();
  }
}

const std::string kTypeTables = WEIR_SOURCE_DIR "/src/connectors/postgres/TYPES.md";

class Types : public testing::Test {
 protected:
  void SetUp() override {
    if (server() == nullptr) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    roles_ = open_roles(*server());
  }

  flow::ReadRequest query(const std::string& sql, Json options = Json::object()) {
    flow::ReadRequest request;
    request.query = sql;
    request.options = Settings{std::move(options)};
    return request;
  }

  Roles roles_;
};

TEST_F(Types, EveryTypeIsReadAndWrittenBack) {
  run("DROP TABLE IF EXISTS t; DROP DOMAIN IF EXISTS positive, price; DROP TYPE IF EXISTS mood, address; "
      "CREATE EXTENSION IF NOT EXISTS hstore; "
      "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (value > 0); "
      "CREATE DOMAIN price AS numeric(10,2); CREATE TYPE address AS (street text, number int)");
  int number = 0;
  std::set<std::string> walked;
  for (const auto& each : type_cases()) {
    SCOPED_TRACE(each.native + " " + each.literal.substr(0, 60));
    walked.insert(name_in_table(each));
    auto stored = quote_literal(each.literal) + "::" + each.native;
    // A regclass is given as a name, and composites as they print.
    run("DROP TABLE IF EXISTS t; CREATE TABLE t (c " + each.native + "); INSERT INTO t VALUES (" + stored +
        "), (NULL)");
    flow::ReadRequest request;
    request.stream = "t";
    const auto described = roles_.source->describe(request, {});
    ASSERT_TRUE(described.ok()) << described.error().text();
    EXPECT_EQ(described->schema.fields[0].type.text(), each.type);
    const auto rows = read_all(*roles_.source, request);
    ASSERT_TRUE(rows.ok()) << rows.error().text();
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ((*rows)[0][0].value_or("(null)"), each.text);
    EXPECT_FALSE((*rows)[1][0].has_value());
    if (each.writes_back == WritesBack::No) continue;

    const auto before = value("SELECT c::text FROM t WHERE c IS NOT NULL");
    run("DELETE FROM t");
    flow::WriteRequest write;
    write.table = "t";
    write.schema = schema({{"c", described->schema.fields[0].type, data::Nullable::Yes}});
    write.mode = flow::WriteMode::Append;
    const auto receipt = load(*roles_.sink, write, {batch(write.schema, *rows)}, "types-" + std::to_string(++number));
    ASSERT_TRUE(receipt.ok()) << receipt.error().text();
    EXPECT_EQ(receipt->rows, 2U);
    EXPECT_EQ(value("SELECT c::text FROM t WHERE c IS NOT NULL"), before);
    EXPECT_EQ(value("SELECT count(*) FROM t WHERE c IS NULL"), "1");
  }
  // No table has a column of it.
  const auto record = read_all(*roles_.source, query("SELECT ROW(1, 'a') AS r"));
  ASSERT_TRUE(record.ok()) << record.error().text();
  EXPECT_EQ((*record)[0][0], R"({"f1":1,"f2":"a"})");
  walked.insert("record");
  EXPECT_EQ(walked, flow::testing::names_in_table(kTypeTables, "## Reading"));
}

TEST_F(Types, NewTablesHoldEveryWeirType) {
  struct Case {
    std::string type, text, native;
    std::string stored = {};  // as the server writes it; empty: as we do
  };
  const std::vector<Case> cases{
      {"bool", "true", "boolean"},
      {"int8", "-128", "smallint"},
      {"uint8", "255", "smallint"},
      {"int16", "-32768", "smallint"},
      {"uint16", "65535", "integer"},
      {"int32", "-2147483648", "integer"},
      {"uint32", "4294967295", "bigint"},
      {"int64", "9223372036854775807", "bigint"},
      {"uint64", "18446744073709551615", "numeric(20,0)"},
      {"float32", "0.1", "real"},
      {"float64", "0.30000000000000004", "double precision"},
      {"decimal(9,4)", "-99999.9999", "numeric(9,4)"},
      {"decimal(76,38)", "-" + std::string(38, '9') + "." + std::string(38, '9'), "numeric(76,38)"},
      {"date", "9999-12-31", "date"},
      {"time(s)", "23:59:59", "time without time zone"},
      {"time(ns)", "23:59:59.999999000", "time without time zone", "23:59:59.999999"},
      {"timestamp(ms)", "1969-12-31 23:59:59.999", "timestamp without time zone"},
      {"timestamp(ns, UTC)", "2026-03-01 12:45:00.250000000Z", "timestamp with time zone", "2026-03-01 12:45:00.25+00"},
      {"timestamp(s)", "2026-03-01 12:45:00", "timestamp without time zone"},
      {"interval", "P1Y2M3DT4H5M6.5S", "interval"},
      {"string", "Привет", "text"},
      {"binary", "\\x00ff", "bytea"},
      {"uuid", "61f0c404-5cb3-11e7-907b-a6006ad3dba0", "uuid"},
      {"json", "{\"b\": 1}", "jsonb"},
      {"list<int16>", "[1,null]", "smallint[]", "{1,NULL}"},
      {"list<list<int16>>", "[[1],[2,3]]", "jsonb", "[[1], [2, 3]]"},
      {"struct<a int32, b string>", "{\"a\":-1,\"b\":null}", "jsonb", R"({"a": -1, "b": null})"},
  };
  int number = 0;
  std::set<std::string> walked;
  for (const auto& each : cases) {
    SCOPED_TRACE(each.type);
    walked.insert(name_in_table(*data::parse_type(each.type)));
    run("DROP TABLE IF EXISTS made");
    flow::WriteRequest write;
    write.table = "made";
    write.schema = schema({{"c", *data::parse_type(each.type), data::Nullable::Yes},
                           {"n", data::type_of(Kind::Int32), data::Nullable::No}});
    write.mode = flow::WriteMode::Replace;
    const auto rows = batch(write.schema, {{each.text, "1"}, {std::nullopt, "2"}});
    const auto receipt = load(*roles_.sink, write, {rows}, "made-" + std::to_string(++number));
    ASSERT_TRUE(receipt.ok()) << receipt.error().text();
    EXPECT_EQ(value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'made'::regclass AND "
                    "attname = 'c'"),
              each.native);
    EXPECT_EQ(value("SELECT count(*) FROM made WHERE c IS NULL AND n = 2"), "1");
    flow::ReadRequest read;
    read.stream = "made";
    const auto back = read_all(*roles_.source, read);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'made'::regclass AND attname = 'n'"), "t");
    // The value itself, by the server's own reading of its text.
    ASSERT_EQ(back->size(), 2U);
    EXPECT_EQ(value("SELECT count(*) FROM made WHERE n = 1 AND c::text = " +
                    quote_literal(each.stored.empty() ? each.text : each.stored)),
              "1")
        << value("SELECT c::text FROM made WHERE n = 1");
  }
  EXPECT_EQ(walked, flow::testing::names_in_table(kTypeTables, "## Writing a new table"));
}

TEST_F(Types, ValuesThatDoNotFitNameColumnAndRow) {
  struct Case {
    std::string sql;
    Json options;
    std::string words;
  };
  const std::vector<Case> cases{
      {"SELECT 'infinity'::date AS d", Json::object(), "column d, row 1"},
      {"SELECT * FROM (VALUES ('2026-01-01'::timestamptz), ('-infinity')) v (t)", Json::object(), "column t, row 2"},
      {"SELECT '294276-01-01'::timestamp AS t", Json::object(), "column t, row 1"},
      {"SELECT 'NaN'::numeric(10,2) AS n", Json::object(), "column n, row 1"},
      {"SELECT 1.239::numeric AS n", Json{{"numeric", "decimal(10,2)"}}, "1.239 does not fit decimal(10,2)"},
      {"SELECT 12345678901::numeric AS n", Json{{"numeric", "decimal(10,0)"}}, "does not fit decimal(10,0)"},
      {"SELECT '{{1,2},{3,4}}'::int[] AS a", Json::object(), "several dimensions"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.sql);
    const auto rows = read_all(*roles_.source, query(each.sql, each.options));
    ASSERT_FALSE(rows.ok());
    EXPECT_EQ(rows.error().code(), Code::TypeMismatch);
    EXPECT_EQ(rows.error().fault(), Fault::User);
    EXPECT_NE(rows.error().message().find(each.words), std::string::npos) << rows.error().message();
  }
}

TEST_F(Types, OptionsSayWhatBecomesOfThem) {
  struct Case {
    std::string sql;
    Json options;
    Cell expected;
  };
  const std::vector<Case> cases{
      {"SELECT 'infinity'::date", Json{{"infinity", "null"}}, std::nullopt},
      {"SELECT 'infinity'::date", Json{{"infinity", "clamp"}}, "9999-12-31"},
      {"SELECT '-infinity'::timestamptz", Json{{"infinity", "clamp"}}, "0001-01-01 00:00:00.000000Z"},
      {"SELECT 'infinity'::timestamp", Json{{"infinity", "clamp"}}, "9999-12-31 23:59:59.999999"},
      {"SELECT 'NaN'::numeric(10,2)", Json{{"nan", "null"}}, std::nullopt},
      {"SELECT 1.5::numeric", Json{{"numeric", "decimal(10,2)"}}, "1.50"},
      {"SELECT '{{1,2},{3,4}}'::int[]", Json{{"arrays", "json"}}, "[[1,2],[3,4]]"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.sql);
    const auto rows = read_all(*roles_.source, query(each.sql, each.options));
    ASSERT_TRUE(rows.ok()) << rows.error().text();
    ASSERT_EQ(rows->size(), 1U);
    EXPECT_EQ((*rows)[0][0], each.expected);
  }
  const auto refused = read_all(*roles_.source, query("SELECT 1", Json{{"numeric", "float"}}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::InvalidProject);
}

TEST_F(Types, WhatAColumnCannotKeepIsRefused) {
  struct Case {
    std::string native, type, text;
  };
  const std::vector<Case> cases{
      {"smallint", "int64", "32768"},
      {"numeric(10,2)", "decimal(18,4)", "1.2345"},
      {"timestamp(0)", "timestamp(us)", "2026-01-01 00:00:00.5"},
      {"timestamp", "timestamp(ns)", "2026-01-01 00:00:00.000000001"},
      {"double precision", "int64", "9007199254740993"},
      {"oid", "int64", "-1"},
      {"date", "date", "-4713-01-01"},
  };
  int number = 0;
  for (const auto& each : cases) {
    SCOPED_TRACE(each.native);
    run("DROP TABLE IF EXISTS narrow; CREATE TABLE narrow (c " + each.native + ")");
    flow::WriteRequest write;
    write.table = "narrow";
    write.schema = schema({{"c", *data::parse_type(each.type), data::Nullable::Yes}});
    const auto rows = batch(write.schema, {{std::nullopt}, {each.text}});
    const auto receipt = load(*roles_.sink, write, {rows}, "narrow-" + std::to_string(++number));
    ASSERT_FALSE(receipt.ok());
    EXPECT_EQ(receipt.error().code(), Code::TypeMismatch);
    EXPECT_NE(receipt.error().message().find("column c, row 2"), std::string::npos) << receipt.error().message();
    EXPECT_EQ(value("SELECT count(*) FROM narrow"), "0");
  }
  // Types that never fit are told before a row is read.
  for (const auto& [native, type] :
       {std::pair{"integer", "decimal(9,2)"}, std::pair{"numeric(10,2)", "string"},
        std::pair{"timestamp", "timestamp(us, UTC)"}, std::pair{"text", "int32"}, std::pair{"bytea", "string"}}) {
    SCOPED_TRACE(native);
    run(std::string{"DROP TABLE IF EXISTS narrow; CREATE TABLE narrow (c "} + native + ")");
    flow::WriteRequest write;
    write.table = "narrow";
    write.schema = schema({{"c", *data::parse_type(type), data::Nullable::Yes}});
    const auto opened = roles_.sink->open(write, {});
    if (std::string_view{native} == "bytea") continue;
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), Code::TypeMismatch);
    EXPECT_NE(opened.error().message().find("column c of public.narrow"), std::string::npos)
        << opened.error().message();
  }
}

}  // namespace
}  // namespace weir::postgres::live
