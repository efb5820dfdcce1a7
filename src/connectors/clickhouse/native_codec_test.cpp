#include <gtest/gtest.h>

#include <algorithm>

#include "connectors/clickhouse/native_decoder.hpp"
#include "connectors/clickhouse/native_encoder.hpp"
#include "connectors/clickhouse/row_range.hpp"
#include "connectors/clickhouse/validity.hpp"
#include "data/text.hpp"

namespace weir::clickhouse {
namespace {

// Delivers text in pieces of a given size, so that values fall apart at every place.
class Pieces final : public net::ByteSource {
 public:
  Pieces(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min({piece_, buffer.size(), text_.size() - at_});
    text_.copy(reinterpret_cast<char*>(buffer.data()), count, at_);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

class Collected final : public net::ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text += net::as_text(bytes);
    return {};
  }
  Result<void> finish() override { return {}; }
  std::string text;
};

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
  }
  return bytes;
}

std::string row_text(const data::Batch& batch, std::size_t row) {
  std::string text;
  for (const auto& column : batch.columns()) {
    if (!text.empty()) text += " | ";
    text += column.is_null(row) ? "NULL" : data::value_text(column, row);
  }
  return text;
}

struct Decoded {
  std::string schema;
  std::vector<std::string> rows;
  std::vector<data::Batch> batches;
};

Result<Decoded> decode(const std::string& bytes, std::size_t piece = 1 << 20, flow::Limits limits = {}) {
  Pieces pieces(bytes, piece);
  NativeDecoder decoder(pieces, limits, "UTC", [](std::size_t) { return std::string{"DateTime('UTC')"}; });
  Decoded decoded;
  if (WEIR_TRY(decoder.start()) != NativeDecoder::Start::Rows) return decoded;
  decoded.schema = decoder.schema()->text();
  while (auto batch = WEIR_TRY(decoder.next())) {
    for (std::size_t row = 0; row < batch->rows(); ++row) decoded.rows.push_back(row_text(*batch, row));
    decoded.batches.push_back(std::move(*batch));
  }
  return decoded;
}

// What ClickHouse 26.7 wrote for a query in Native format, and what it means.
struct Golden {
  std::string_view name;
  std::string_view query;
  std::string_view hex;
  std::string_view schema;
  std::vector<std::string> rows;
};

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> kCases{
      {"Integers",
       "select 'x' s, toInt8(-128) a, toInt16(-32768) b, toInt32(-2147483648) c, toInt64('-9223372036854775808') d, "
       "toUInt8(255) e, toUInt16(65535) f, toUInt32(4294967295) g, toUInt64('18446744073709551615') h",
       "0901017306537472696e670178016104496e743880016205496e7431360080016305496e74333200000080016405496e7436"
       "34000000000000008001650555496e7438ff01660655496e743136ffff01670655496e743332ffffffff01680655496e7436"
       "34ffffffffffffffff",
       "s string not null, a int8 not null, b int16 not null, c int32 not null, d int64 not null, e uint8 not null, f "
       "uint16 not null, g uint32 not null, h uint64 not null",
       {"x | -128 | -32768 | -2147483648 | -9223372036854775808 | 255 | 65535 | 4294967295 | 18446744073709551615"}},
      {"Wide",
       "select toInt128('-170141183460469231731687303715884105728') a, "
       "toUInt128('340282366920938463463374607431768211455') b",
       "0201016106496e743132380000000000000000000000000000008001620755496e74313238ffffffffffffffffffffffffff"
       "ffffff",
       "a decimal(39,0) not null, b decimal(39,0) not null",
       {"-170141183460469231731687303715884105728 | 340282366920938463463374607431768211455"}},
      {"Floats",
       "select toFloat32(1.5) a, toFloat64(-0.1) b, nan c, inf d",
       "0401016107466c6f617433320000c03f016207466c6f617436349a9999999999b9bf016307466c6f61743634000000000000"
       "f87f016407466c6f61743634000000000000f07f",
       "a float32 not null, b float64 not null, c float64 not null, d float64 not null",
       {"1.5 | -0.1 | nan | inf"}},
      {"Decimals",
       "select toDecimal32('-1.50',2) a, toDecimal64('123456789012345.678',3) b, "
       "toDecimal128('-12345678901234567890123456789.01',2) c, "
       "toDecimal256('1234567890123456789012345678901234567890.5',1) d",
       "040101610d446563696d616c28392c2032296affffff01620e446563696d616c2831382c2033294ef330a64b9bb60101630e"
       "446563696d616c2833382c203229cb9389f1b036795d5c60e56af0ffffff01640e446563696d616c2837362c203129396c76"
       "0ee4bb5bbf368597889944db4724000000000000000000000000000000",
       "a decimal(9,2) not null, b decimal(18,3) not null, c decimal(38,2) not null, d decimal(76,1) not null",
       {"-1.50 | 123456789012345.678 | -12345678901234567890123456789.01 | "
        "1234567890123456789012345678901234567890.5"}},
      {"Times",
       "select toDate('2026-03-01') a, toDate32('1900-01-01') b, toDateTime('2026-03-01 12:45:00','UTC') c, "
       "toDateTime64('2026-03-01 12:45:00.25',3,'Europe/Moscow') d, toDateTime64('1969-12-31 23:59:59.9999',4,'UTC') "
       "e, CAST('12:45:00' AS Time) f, CAST('12:45:00.25' AS Time64(6)) g",
       "0701016104446174652150016206446174653332219cffff0163084461746554696d65cc34a46901641e4461746554696d65"
       "363428332c20274575726f70652f4d6f73636f7727295a72c9a89c0100000165144461746554696d65363428342c20275554"
       "432729ffffffffffffffff01660454696d654cb3000001670954696d653634283629903bdeaf0a000000",
       "a date not null, b date not null, c timestamp(s, UTC) not null, d timestamp(ms, Europe/Moscow) not null, e "
       "timestamp(us, UTC) not null, f time(s) not null, g time(us) not null",
       {"2026-03-01 | 1900-01-01 | 2026-03-01 12:45:00Z | 2026-03-01 09:45:00.250Z | 1969-12-31 23:59:59.999900Z | "
        "12:45:00 | 12:45:00.250000"}},
      {"Identities",
       "select toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') a, toIPv4('127.0.0.1') b, toIPv6('2001:db8::1') c, "
       "CAST('b','Enum8(\\'a\\'=-1,\\'b\\'=2)') d, CAST('it\\'s','Enum16(\\'it\\\\\\'s\\'=300)') e, "
       "CAST('RUB','FixedString(4)') f, true g",
       "070101610455554944e711b35c04c4f061a0dbd36a00a67b90016204495076340100007f0163044950763620010db8000000"
       "000000000000000001016418456e756d3828276127203d202d312c20276227203d20322902016515456e756d313628276974"
       "5c277327203d20333030292c0101660e4669786564537472696e6728342952554200016704426f6f6c01",
       "a uuid not null, b string not null, c string not null, d string not null, e string not null, f string not "
       "null, g bool not null",
       {std::string{"61f0c404-5cb3-11e7-907b-a6006ad3dba0 | 127.0.0.1 | 2001:db8::1 | b | it's | RUB\0"
                    " | true",
                    87}}},
      {"Intervals",
       "select INTERVAL 3 DAY a, INTERVAL 2 YEAR b, INTERVAL 90 SECOND c",
       "030101610b496e74657276616c446179030000000000000001620c496e74657276616c59656172020000000000000001630e"
       "496e74657276616c5365636f6e645a00000000000000",
       "a interval not null, b interval not null, c interval not null",
       {"P3D | P2Y | PT1M30S"}},
      {"Nullables",
       "select arrayJoin([toNullable('a'), NULL, 'ccc']) a, if(a='a',NULL,7) b, NULL c",
       "03030161104e756c6c61626c6528537472696e67290001000161000363636301620f4e756c6c61626c652855496e74382901"
       "00000707070163114e756c6c61626c65284e6f7468696e6729010101303030",
       "a string, b uint8, c string",
       {"a | NULL | NULL", "NULL | 7 | NULL", "ccc | 7 | NULL"}},
      {"Nested",
       "select arrayJoin([[1,2],[],[3]]) a, map('k',length(a)) b, tuple(1,'x') c, CAST((1,[NULL,2]),'Tuple(id Int8, n "
       "Array(Nullable(Int16)))') d, [[toString(length(a))],[]] e",
       "050301610c41727261792855496e7438290200000000000000020000000000000003000000000000000102030162134d6170"
       "28537472696e672c2055496e74363429010000000000000002000000000000000300000000000000016b016b016b02000000"
       "00000000000000000000000001000000000000000163145475706c652855496e74382c20537472696e672901010101780178"
       "01780164285475706c6528696420496e74382c206e204172726179284e756c6c61626c6528496e7431362929290101010200"
       "0000000000000400000000000000060000000000000001000100010000000200000002000000020001651441727261792841"
       "7272617928537472696e67292902000000000000000400000000000000060000000000000001000000000000000100000000"
       "0000000200000000000000020000000000000003000000000000000300000000000000013201300131",
       "a list<uint8 not null> not null, b list<struct<key string not null, value uint64 not null> not null> not null, "
       "c struct<1 uint8 not null, 2 string not null> not null, d struct<id int8 not null, n list<int16> not null> not "
       "null, e list<list<string not null> not null> not null",
       {"[1,2] | [{\"key\":\"k\",\"value\":2}] | {\"1\":1,\"2\":\"x\"} | {\"id\":1,\"n\":[null,2]} | [[\"2\"],[]]",
        "[] | [{\"key\":\"k\",\"value\":0}] | {\"1\":1,\"2\":\"x\"} | {\"id\":1,\"n\":[null,2]} | [[\"0\"],[]]",
        "[3] | [{\"key\":\"k\",\"value\":1}] | {\"1\":1,\"2\":\"x\"} | {\"id\":1,\"n\":[null,2]} | [[\"1\"],[]]"}},
  };
  return kCases;
}

TEST(NativeDecoder, ReadsWhatClickHouseWrote) {
  for (const auto& golden : goldens()) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      const auto decoded = decode(from_hex(golden.hex), piece);
      ASSERT_TRUE(decoded.ok()) << golden.name << ": " << decoded.error().text();
      EXPECT_EQ(decoded->schema, golden.schema) << golden.query;
      EXPECT_EQ(decoded->rows, golden.rows) << golden.query;
    }
  }
}

TEST(NativeEncoder, WritesWhatClickHouseWrote) {
  for (const auto& golden : goldens()) {
    const auto bytes = from_hex(golden.hex);
    Pieces pieces(bytes, 1 << 20);
    NativeInput input(pieces);
    std::vector<NativeEncoder::Target> targets;
    bool own_types = true;
    const auto decoded = decode(bytes);
    ASSERT_TRUE(decoded.ok());
    // The types as they stand in the golden bytes: found by asking for the type of each column of the schema.
    Pieces again(bytes, 1 << 20);
    NativeInput reader(again);
    (void)*reader.varuint();
    const auto rows = *reader.varuint();
    for (const auto& field : decoded->batches.at(0).schema()->fields) {
      const auto name = *reader.text(1000);
      const auto type = parse_column_type(*reader.text(1000));
      ASSERT_TRUE(type.has_value());
      const auto mapped = weir_type(*type, "UTC");
      own_types = own_types && wire_type(*type, *mapped) == type->text;
      targets.push_back({field.name, *type});
      EXPECT_EQ(name, field.name);
      const auto column = make_decoder(*type, "UTC");
      ASSERT_TRUE(column->read_prefix(reader).ok());
      ASSERT_TRUE(column->read(reader, rows).ok());
    }
    if (!own_types) continue;  // types that the server converts into: their round trip is a live test
    Collected sink;
    const auto written = NativeEncoder(targets).write(decoded->batches[0].columns(), decoded->batches[0].rows(), sink);
    ASSERT_TRUE(written.ok()) << golden.name << ": " << written.error().text();
    EXPECT_EQ(sink.text, bytes) << golden.query;
  }
}

data::Batch numbers(std::size_t rows) {
  data::ColumnBuilder ids(data::type_of(data::Kind::Int64));
  data::ColumnBuilder texts(data::type_of(data::Kind::String));
  data::ColumnBuilder flags(data::type_of(data::Kind::Bool));
  data::ColumnBuilder lists(data::list_of(data::type_of(data::Kind::Int32), data::Nullable::No));
  for (std::size_t i = 0; i < rows; ++i) {
    ids.append(static_cast<std::int64_t>(i));
    if (i % 3 == 0) {
      texts.append_null();
    } else {
      texts.append_text(std::string(i % 40, 'x') + std::to_string(i));
    }
    flags.append_bool(i % 5 == 0);
    for (std::size_t j = 0; j < i % 4; ++j) lists.child(0).append(static_cast<std::int32_t>(i + j));
    lists.append_nested();
  }
  const auto schema = std::make_shared<const data::Schema>(data::Schema{{
      {"id", data::type_of(data::Kind::Int64), data::Nullable::No},
      {"text", data::type_of(data::Kind::String), data::Nullable::Yes},
      {"flag", data::type_of(data::Kind::Bool), data::Nullable::No},
      {"list", data::list_of(data::type_of(data::Kind::Int32), data::Nullable::No), data::Nullable::No},
  }});
  std::vector<data::Column> columns;
  columns.push_back(ids.finish());
  columns.push_back(texts.finish());
  columns.push_back(flags.finish());
  columns.push_back(lists.finish());
  return {schema, std::move(columns), rows};
}

NativeEncoder encoder_for(const data::Schema& schema) {
  std::vector<NativeEncoder::Target> targets;
  for (const auto& field : schema.fields) {
    targets.push_back({field.name, *parse_column_type(clickhouse_type(field.type, field.nullable))});
  }
  return NativeEncoder(std::move(targets));
}

std::vector<std::string> rows_of(const data::Batch& batch) {
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < batch.rows(); ++row) rows.push_back(row_text(batch, row));
  return rows;
}

TEST(NativeDecoder, GathersBlocksAndCutsThemToTheLimits) {
  const auto batch = numbers(10'000);
  const auto encoder = encoder_for(*batch.schema());
  Collected sink;
  for (std::size_t from = 0; from < batch.rows(); from += 700) {
    const auto count = std::min<std::size_t>(700, batch.rows() - from);
    ASSERT_TRUE(encoder.write(copy_rows(batch, from, count).columns(), count, sink).ok());
  }
  const auto expected = rows_of(batch);
  for (const auto limits : {flow::Limits{}, flow::Limits{.batch_rows = 1000, .batch_bytes = 8U << 20},
                            flow::Limits{.batch_rows = 123, .batch_bytes = 8U << 20},
                            flow::Limits{.batch_rows = 65'536, .batch_bytes = 10'000}}) {
    const auto decoded = decode(sink.text, 9'999, limits);
    ASSERT_TRUE(decoded.ok()) << decoded.error().text();
    EXPECT_EQ(decoded->rows, expected);
    for (const auto& part : decoded->batches) {
      EXPECT_LE(part.rows(), limits.batch_rows);
      EXPECT_LE(part.memory_bytes(), limits.batch_bytes);
      EXPECT_GT(part.rows(), 0U);
    }
  }
}

TEST(NativeDecoder, EmptyStreamHasNoSchema) {
  Pieces pieces("", 1);
  NativeDecoder decoder(pieces, {}, "UTC", {});
  EXPECT_EQ(*decoder.start(), NativeDecoder::Start::Empty);
}

TEST(NativeDecoder, NamesATypeThatItDoesNotKnow) {
  Pieces pieces(from_hex("0101016a1056617269616e7428496e74382c20552900"), 3);
  NativeDecoder decoder(pieces, {}, "UTC", {});
  EXPECT_EQ(*decoder.start(), NativeDecoder::Start::UnknownType);
  EXPECT_EQ(decoder.unknown_type(), "Variant(Int8, U)");
}

TEST(NativeDecoder, EveryShortenedStreamIsAnErrorAndNeverLessRows) {
  for (const auto& golden : goldens()) {
    const auto bytes = from_hex(golden.hex);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode(bytes.substr(0, size)).ok()) << golden.name << " cut at " << size;
    }
  }
}

TEST(NativeDecoder, SurvivesEveryFlippedByte) {
  for (const auto& golden : goldens()) {
    const auto bytes = from_hex(golden.hex);
    for (std::size_t at = 2; at < bytes.size(); ++at) {
      auto damaged = bytes;
      damaged[at] = static_cast<char>(~damaged[at]);
      (void)decode(damaged);  // an error or other values: never a crash
    }
  }
}

TEST(NativeDecoder, ReadsDictionariesWithAndWithoutNull) {
  // LowCardinality(String) 'b','a','b' and LowCardinality(Nullable(String)) NULL,'x',NULL, as ClickHouse's
  // SerializationLowCardinality lays them out: version, flags, keys, indexes.
  const auto bytes = from_hex(
      "0203"
      "0161"
      "164c6f7743617264696e616c69747928537472696e6729"
      "0100000000000000"
      "0002000000000000"
      "0300000000000000"
      "00"
      "0162"
      "0161"
      "0300000000000000"
      "010201"
      "0162"
      "204c6f7743617264696e616c697479284e756c6c61626c6528537472696e672929"
      "0100000000000000"
      "0002000000000000"
      "0200000000000000"
      "00"
      "0178"
      "0300000000000000"
      "000100");
  const auto decoded = decode(bytes, 5);
  ASSERT_TRUE(decoded.ok()) << decoded.error().text();
  EXPECT_EQ(decoded->schema, "a string not null, b string");
  EXPECT_EQ(decoded->rows, (std::vector<std::string>{"b | NULL", "a | x", "b | NULL"}));
}

TEST(NativeDecoder, ReadsDictionariesThatClickHouse18Wrote) {
  // SELECT arrayJoin(['b', 'a', 'b']) a, CAST(if(a = 'a', 'x', NULL) AS LowCardinality(Nullable(String))) b: newer servers
  // write plain columns at revision 0.
  const auto decoded = decode(from_hex(
      "0203016106537472696e670162016101620162204c6f7743617264696e616c697479284e756c6c61626c6528537472696e67292901000000"
      "0000000000060000000000000300000000000000000001780300000000000000000200"));
  ASSERT_TRUE(decoded.ok()) << decoded.error().text();
  EXPECT_EQ(decoded->rows, (std::vector<std::string>{"b | NULL", "a | x", "b | NULL"}));
}

TEST(NativeEncoder, RefusesWhatTheWireCannotHold) {
  data::ColumnBuilder dates(data::type_of(data::Kind::Date));
  dates.append(std::int32_t{0});
  dates.append(std::int32_t{-100'000});
  const auto schema = std::make_shared<const data::Schema>(
      data::Schema{{{"day", data::type_of(data::Kind::Date), data::Nullable::No}}});
  std::vector<data::Column> columns;
  columns.push_back(dates.finish());
  const data::Batch batch(schema, std::move(columns), 2);
  Collected sink;
  const auto written = encoder_for(*schema).write(batch.columns(), batch.rows(), sink);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), Code::TypeMismatch);
  EXPECT_NE(written.error().text().find("row 2"), std::string::npos) << written.error().text();
  EXPECT_NE(written.error().text().find("column day"), std::string::npos) << written.error().text();
}

TEST(NativeEncoder, RefusesNullWhereTheColumnHasNone) {
  data::ColumnBuilder values(data::type_of(data::Kind::Int32));
  values.append(std::int32_t{1});
  values.append_null();
  const auto schema =
      std::make_shared<const data::Schema>(data::Schema{{{"x", data::type_of(data::Kind::Int32), data::Nullable::No}}});
  std::vector<data::Column> columns;
  columns.push_back(values.finish());
  Collected sink;
  const auto written = encoder_for(*schema).write(columns, 2, sink);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), Code::TypeMismatch);
}

TEST(Validity, PacksEveryPatternOfBytes) {
  for (std::size_t begin = 0; begin < 9; ++begin) {
    data::BufferBuilder bitmap;
    const std::vector<std::uint8_t> lead(begin, 1);
    append_bits(bitmap, 0, lead.data(), begin);
    std::vector<std::uint8_t> bytes;
    for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<std::uint8_t>(i * i % 7 == 0 ? 0 : i * 37 % 256));
    const auto set = append_bits(bitmap, begin, bytes.data(), bytes.size());
    std::size_t expected = 0;
    std::vector<std::uint8_t> expanded(begin + bytes.size());
    expand_bits(expanded.data(), bitmap.as<std::uint8_t>(), expanded.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(expanded[begin + i], bytes[i] != 0 ? 1 : 0) << begin << " " << i;
      expected += bytes[i] != 0 ? 1 : 0;
    }
    EXPECT_EQ(set, expected);
  }
}

TEST(ColumnTypes, AreReadAndWritten) {
  const auto mapped = [](std::string_view text) -> std::string {
    const auto type = parse_column_type(text);
    if (!type) return "malformed";
    const auto weir = weir_type(*type, "Europe/Moscow");
    if (!weir) return "unknown";
    return weir->type.text() + (weir->nullable == data::Nullable::Yes ? "" : " not null");
  };
  EXPECT_EQ(mapped("Nullable(DateTime64(5, 'UTC'))"), "timestamp(us, UTC)");
  EXPECT_EQ(mapped("DateTime"), "timestamp(s, Europe/Moscow) not null");
  EXPECT_EQ(mapped("LowCardinality(Nullable(String))"), "string");
  EXPECT_EQ(mapped("SimpleAggregateFunction(sum, Decimal(38, 2))"), "decimal(38,2) not null");
  EXPECT_EQ(mapped("Map(String, Array(UInt8))"),
            "list<struct<key string not null, value list<uint8 not null> not null> not null> not null");
  EXPECT_EQ(mapped("Tuple(`a b` Int8, String)"), "struct<a b int8 not null, 2 string not null> not null");
  EXPECT_EQ(mapped("Enum8('a\\'(' = -1, 'b' = 2)"), "string not null");
  EXPECT_EQ(mapped("AggregateFunction(quantiles(0.5, 0.9), UInt64)"), "unknown");
  EXPECT_EQ(mapped("Array(Variant(String, UInt8))"), "unknown");
  EXPECT_EQ(mapped("Int256"), "unknown");
  EXPECT_EQ(mapped("Array(Int8"), "malformed");
  EXPECT_EQ(clickhouse_type(data::list_of(data::type_of(data::Kind::Int32)), data::Nullable::Yes),
            "Array(Nullable(Int32))");
  EXPECT_EQ(clickhouse_type(data::timestamp(data::TimeUnit::Micro, "UTC"), data::Nullable::Yes),
            "Nullable(DateTime64(6, 'UTC'))");
}

}  // namespace
}  // namespace weir::clickhouse
