#include <set>

#include "connectors/clickhouse/live_test.hpp"
#include "flow/text_tables.hpp"
#include "flow/type_tables.hpp"

// The type tables (TYPES.md) against the real engine: what a read gives, what a new table is made of, and that a value of a
// new table comes back.
namespace weir::clickhouse {
namespace {

using testing::ClickhouseLive;

constexpr auto kTypeTables = WEIR_SOURCE_DIR "/src/connectors/clickhouse/TYPES.md";

struct ReadCase {
  std::string names;  // as TYPES.md calls the type
  std::string sql;
  std::string type;  // Weir's
  std::string text;
};

const std::vector<ReadCase>& read_cases() {
  static const std::string kDigits(76, '9');
  static const std::vector<ReadCase> kCases{
      {"Bool", "true", "bool", "true"},
      {"Int8 … Int64", "toInt8(-128)", "int8", "-128"},
      {"Int8 … Int64", "toInt16(-32768)", "int16", "-32768"},
      {"Int8 … Int64", "toInt32(-2147483648)", "int32", "-2147483648"},
      {"Int8 … Int64", "toInt64('-9223372036854775808')", "int64", "-9223372036854775808"},
      {"UInt8 … UInt64", "toUInt8(255)", "uint8", "255"},
      {"UInt8 … UInt64", "toUInt16(65535)", "uint16", "65535"},
      {"UInt8 … UInt64", "toUInt32(4294967295)", "uint32", "4294967295"},
      {"UInt8 … UInt64", "toUInt64('18446744073709551615')", "uint64", "18446744073709551615"},
      {"Int128", "toInt128('-170141183460469231731687303715884105728')", "decimal(39,0)",
       "-170141183460469231731687303715884105728"},
      {"UInt128", "toUInt128('340282366920938463463374607431768211455')", "decimal(39,0)",
       "340282366920938463463374607431768211455"},
      {"Int256", "toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968')", "string",
       "-57896044618658097711785492504343953926634992332820282019728792003956564819968"},
      {"UInt256", "toUInt256('115792089237316195423570985008687907853269984665640564039457584007913129639935')",
       "string", "115792089237316195423570985008687907853269984665640564039457584007913129639935"},
      {"Float32", "toFloat32('3.4028235e38')", "float32", "3.4028235e+38"},
      {"Float32", "toFloat32('nan')", "float32", "nan"},
      {"Float64", "toFloat64('5e-324')", "float64", "5e-324"},
      {"Float64", "toFloat64('-inf')", "float64", "-inf"},
      {"BFloat16", "toBFloat16(1.5)", "string", "1.5"},
      {"Decimal(p, s)", "CAST('-9999999.99' AS Decimal(9, 2))", "decimal(9,2)", "-9999999.99"},
      {"Decimal(p, s)", "CAST('" + kDigits + "' AS Decimal(76, 0))", "decimal(76,0)", kDigits},
      {"Decimal32 … Decimal256", "toDecimal32('-0.000000001', 9)", "decimal(9,9)", "-0.000000001"},
      {"Decimal32 … Decimal256", "toDecimal256('1.5', 38)", "decimal(76,38)", "1.5" + std::string(37, '0')},
      {"String", "'Привет 🌍'", "string", "Привет 🌍"},
      {"FixedString(n)", "toFixedString('ab', 4)", "string", std::string("ab\0\0", 4)},
      {"Date", "toDate('2149-06-06')", "date", "2149-06-06"},
      {"Date32", "toDate32('1900-01-01')", "date", "1900-01-01"},
      {"Date32", "toDate32('2299-12-31')", "date", "2299-12-31"},
      {"DateTime", "CAST('2106-02-07 06:28:15' AS DateTime)", "timestamp(s)", "2106-02-07 06:28:15"},
      {"DateTime64(p)", "CAST('1900-01-01 00:00:00.000001' AS DateTime64(6))", "timestamp(us)",
       "1900-01-01 00:00:00.000001"},
      {"DateTime64(p)", "CAST('2262-04-11 23:47:16.854775807' AS DateTime64(9))", "timestamp(ns)",
       "2262-04-11 23:47:16.854775807"},
      {"DateTime('zone')", "toDateTime(4294967295, 'Europe/Moscow')", "timestamp(s, Europe/Moscow)",
       "2106-02-07 06:28:15Z"},
      {"DateTime64(p, 'zone')", "toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC')", "timestamp(ms, UTC)",
       "2299-12-31 23:59:59.999Z"},
      {"Time", "CAST('23:59:59' AS Time)", "time(s)", "23:59:59"},
      {"Time64(p)", "CAST('23:59:59.999999' AS Time64(6))", "time(us)", "23:59:59.999999"},
      {"Interval…", "toIntervalYear(-3)", "interval", "P-3Y"},
      {"Interval…", "toIntervalQuarter(2)", "interval", "P6M"},
      {"Interval…", "toIntervalWeek(1)", "interval", "P7D"},
      {"Interval…", "toIntervalNanosecond(1)", "interval", "PT0.000000001S"},
      {"UUID", "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "uuid", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"},
      {"Enum8", "CAST('sad' AS Enum8('sad' = -128, 'happy' = 127))", "string", "sad"},
      {"Enum16", "CAST('happy' AS Enum16('sad' = -32768, 'happy' = 32767))", "string", "happy"},
      {"IPv4", "toIPv4('255.255.255.255')", "string", "255.255.255.255"},
      {"IPv6", "toIPv6('2001:db8::ff')", "string", "2001:db8::ff"},
      {"JSON", R"('{"a":{"b":[1,2]}}'::JSON)", "json", R"({"a":{"b":[1,2]}})"},
      {"Array(T)", "CAST([1, NULL, -3] AS Array(Nullable(Int32)))", "list<int32>", "[1,null,-3]"},
      {"Array(T)", "CAST([] AS Array(Array(Date32)))", "list<list<date not null> not null>", "[]"},
      {"Tuple(a T, …)", "CAST((1, 'x') AS Tuple(a Int8, b String))", "struct<a int8 not null, b string not null>",
       R"({"a":1,"b":"x"})"},
      {"Tuple(a T, …)", "CAST((1, 'x') AS Tuple(Int8, String))", "struct<1 int8 not null, 2 string not null>",
       R"({"1":1,"2":"x"})"},
      {"Map(K, V)", "CAST(map('k', 1) AS Map(String, UInt8))",
       "list<struct<key string not null, value uint8 not null> not null>", R"([{"key":"k","value":1}])"},
      {"Nested(…)", "CAST([(1, 'x')] AS Nested(a Int8, b String))",
       "list<struct<a int8 not null, b string not null> not null>", R"([{"a":1,"b":"x"}])"},
      {"Nullable(T)", "CAST(NULL AS Nullable(Int8))", "int8", "NULL"},
      {"LowCardinality(T)", "CAST('x' AS LowCardinality(Nullable(String)))", "string", "x"},
      {"SimpleAggregateFunction(f, T)", "CAST(7 AS SimpleAggregateFunction(max, UInt64))", "uint64", "7"},
      {"Nothing (the type of NULL)", "NULL", "string", "NULL"},
      {"Variant", "CAST(7 AS Variant(UInt8, String))", "string", "7"},
      {"Dynamic", "7::Dynamic", "string", "7"},
      {"Array of them", "[1, 'x']::Array(Variant(UInt8, String))", "string", "[1,'x']"},
      {"every other type", "CAST((1, 2) AS Point)", "string", "(1,2)"},
  };
  return kCases;
}

TEST_F(ClickhouseLive, EveryTypeIsReadAsItsTableSays) {
  std::set<std::string> walked;
  for (const auto& each : read_cases()) {
    SCOPED_TRACE(each.sql);
    walked.insert(each.names);
    const auto sql = "SELECT " + each.sql + " AS v";
    const auto reader = database_->select(sql, {}, {});
    ASSERT_TRUE(reader.ok()) << reader.error().explain();
    EXPECT_EQ((*reader)->schema()->fields[0].type.text(), each.type);
    EXPECT_EQ(value(sql), each.text);
  }
  const auto state = database_->select("SELECT sumState(number) AS v FROM numbers(3)", {}, {});
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code(), Code::Unsupported) << state.error().explain();
  walked.insert("AggregateFunction");
  EXPECT_EQ(walked, flow::testing::names_in_table(kTypeTables, "## Reading"));
}

struct WriteCase {
  std::string names;
  std::string type;  // Weir's
  std::vector<std::string> texts;
  std::string native;
  std::vector<std::string> read = {};  // what comes back; empty: the same texts
};

const std::vector<WriteCase>& write_cases() {
  static const std::vector<WriteCase> kCases{
      {"bool", "bool", {"true", "false"}, "Nullable(Bool)"},
      {"int8 … uint64", "int8", {"-128", "127"}, "Nullable(Int8)"},
      {"int8 … uint64", "int16", {"-32768", "32767"}, "Nullable(Int16)"},
      {"int8 … uint64", "int32", {"-2147483648", "2147483647"}, "Nullable(Int32)"},
      {"int8 … uint64", "int64", {"-9223372036854775808", "9223372036854775807"}, "Nullable(Int64)"},
      {"int8 … uint64", "uint8", {"0", "255"}, "Nullable(UInt8)"},
      {"int8 … uint64", "uint16", {"0", "65535"}, "Nullable(UInt16)"},
      {"int8 … uint64", "uint32", {"0", "4294967295"}, "Nullable(UInt32)"},
      {"int8 … uint64", "uint64", {"0", "18446744073709551615"}, "Nullable(UInt64)"},
      {"float32", "float32", {"3.4028235e+38", "nan", "-inf", "1e-45"}, "Nullable(Float32)"},
      {"float64", "float64", {"5e-324", "1.7976931348623157e+308", "inf"}, "Nullable(Float64)"},
      {"uuid", "uuid", {"ffffffff-ffff-ffff-ffff-ffffffffffff"}, "Nullable(UUID)"},
      {"string", "string", {"", "Привет 🌍 'x' \\ \n"}, "Nullable(String)"},
      {"decimal(p, s)", "decimal(9,2)", {"-9999999.99"}, "Nullable(Decimal(9, 2))"},
      {"decimal(p, s)",
       "decimal(76,38)",
       {"-" + std::string(38, '9') + "." + std::string(38, '9')},
       "Nullable(Decimal(76, 38))"},
      {"date", "date", {"1900-01-01", "2299-12-31"}, "Nullable(Date32)"},
      {"timestamp(unit)", "timestamp(s)", {"2299-12-31 23:59:59"}, "Nullable(DateTime64(0))"},
      {"timestamp(unit)", "timestamp(ms)", {"1969-12-31 23:59:59.999"}, "Nullable(DateTime64(3))"},
      {"timestamp(unit)", "timestamp(us)", {"1900-01-01 00:00:00.000001"}, "Nullable(DateTime64(6))"},
      {"timestamp(unit)", "timestamp(ns)", {"2262-04-11 23:47:16.854775807"}, "Nullable(DateTime64(9))"},
      {"timestamp(unit, zone)",
       "timestamp(ms, Europe/Moscow)",
       {"2299-12-31 20:59:59.999Z"},
       "Nullable(DateTime64(3, 'Europe/Moscow'))"},
      {"time(unit)", "time(us)", {"00:00:00.000000", "23:59:59.999999"}, "Nullable(Time64(6))"},
      {"interval", "interval", {"P1Y2M3DT4H5M6.5S"}, "Nullable(String)"},
      {"binary", "binary", {"\\x0041ff"}, "Nullable(String)", {std::string{"\0A\xff", 3}}},
      {"json", "json", {R"({"b":  1, "a": [null]})", "7"}, "Nullable(String)"},
      {"list<T>", "list<int32>", {"[1,null,-3]", "[]"}, "Array(Nullable(Int32))"},
      {"struct<…>",
       "struct<a int8 not null, b string>",
       {R"({"a":-128,"b":null})"},
       "Tuple(a Int8, b Nullable(String))"},
  };
  return kCases;
}

TEST_F(ClickhouseLive, NewTablesHoldEveryTypeAsTheirTableSays) {
  std::set<std::string> walked{"nullable T"};  // by every case but the nested ones
  for (const auto& each : write_cases()) {
    SCOPED_TRACE(each.type);
    walked.insert(each.names);
    run("DROP TABLE IF EXISTS " + table_);
    const auto type = *data::parse_type(each.type);
    const bool is_nested = type.kind == data::Kind::List || type.kind == data::Kind::Struct;
    const auto schema = flow::testing::schema({{"n", data::type_of(data::Kind::Int32), data::Nullable::No},
                                               {"v", type, is_nested ? data::Nullable::No : data::Nullable::Yes}});
    flow::testing::Table written;
    for (const auto& text : each.texts) written.push_back({std::to_string(written.size()), text});
    auto expected = each.read.empty() ? each.texts : each.read;
    if (!is_nested) {
      written.push_back({std::to_string(written.size()), std::nullopt});
      expected.emplace_back("NULL");
    }
    const flow::WriteRequest request{
        .table = table_, .schema = schema, .mode = flow::WriteMode::Replace, .key = {}, .indexes = {}, .options = {}};
    const auto receipt =
        flow::testing::load(*sink_, request, {flow::testing::batch(schema, written)}, table_ + each.type + each.native);
    ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
    EXPECT_EQ(value("SELECT type FROM system.columns WHERE database = currentDatabase() AND table = '" + table_ +
                    "' AND name = 'v'"),
              each.native);
    EXPECT_EQ(rows("SELECT v FROM " + table_ + " ORDER BY n"), expected);
    const auto back =
        source_->describe({.stream = table_, .query = {}, .columns = {}, .options = {}, .limits = {}}, {});
    ASSERT_TRUE(back.ok()) << back.error().explain();
    const bool is_text =
        type.kind == data::Kind::Interval || type.kind == data::Kind::Json || type.kind == data::Kind::Binary;
    EXPECT_EQ(back->schema.fields[1].type.text(), is_text ? "string" : type.text());
  }
  EXPECT_EQ(walked, flow::testing::names_in_table(kTypeTables, "## Writing"));
}

}  // namespace
}  // namespace weir::clickhouse
