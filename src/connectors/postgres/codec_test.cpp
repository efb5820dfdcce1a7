#include <gtest/gtest.h>

#include <limits>

#include "connectors/postgres/copy_decoder.hpp"
#include "connectors/postgres/copy_encoder.hpp"
#include "connectors/postgres/numeric.hpp"
#include "connectors/postgres/types.hpp"
#include "data/text.hpp"

namespace weir::postgres {
namespace {

using data::Kind;

std::string hex(const data::BufferBuilder& buffer) {
  std::string text;
  for (std::size_t i = 0; i < buffer.size(); ++i)
    text += fmt::format("{:02x}", static_cast<unsigned>(buffer.data()[i]));
  return text;
}

std::string numeric_hex(std::int64_t unscaled, int scale) {
  data::BufferBuilder buffer;
  append_numeric(buffer, unscaled, scale);
  return hex(buffer);
}

TEST(Numeric, IsWrittenAsTheServerSendsIt) {
  // As numeric_send answers: SELECT numeric_send(1.50::numeric(10,2)) and so on.
  EXPECT_EQ(numeric_hex(150, 2),
            "00020000000000020001"
            "1388");
  EXPECT_EQ(numeric_hex(0, 2), "0000000000000002");
  EXPECT_EQ(numeric_hex(-1, 4),
            "0001ffff40000004"
            "0001");
  EXPECT_EQ(numeric_hex(10000, 0),
            "0001000100000000"
            "0001");
  EXPECT_EQ(numeric_hex(123456789, 0),
            "0003000200000000"
            "0001"
            "0929"
            "1a85");
}

TEST(Numeric, ReadsBackInEveryWidthAndScale) {
  for (const auto unscaled :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{9999}, std::int64_t{10000},
        std::int64_t{-123456789012}, std::int64_t{999999999999999999}, std::int64_t{-1000000000000000000}}) {
    for (int scale = 0; scale <= 18; ++scale) {
      SCOPED_TRACE(fmt::format("{} / 10^{}", unscaled, scale));
      data::BufferBuilder narrow;
      append_numeric(narrow, unscaled, scale);
      data::BufferBuilder wide;
      append_numeric(wide, data::Int256::from(unscaled), scale);
      EXPECT_EQ(hex(narrow), hex(wide));
      const auto view = NumericView::parse({narrow.data(), narrow.size()});
      ASSERT_TRUE(view.has_value());
      std::string text;
      view->append_text(text);
      std::string expected;
      data::append_decimal(expected, data::Int128{unscaled}, scale);
      EXPECT_EQ(text, expected);
      EXPECT_EQ(view->unscaled<std::int64_t>(19, scale), unscaled);
      EXPECT_TRUE(view->unscaled<data::Int128>(38, scale) == data::Int128{unscaled});
    }
  }
}

TEST(Numeric, DoesNotRound) {
  data::BufferBuilder buffer;
  append_numeric(buffer, std::int64_t{1239}, 3);
  const auto view = *NumericView::parse({buffer.data(), buffer.size()});
  EXPECT_EQ(view.unscaled<std::int64_t>(10, 2), std::nullopt);
  EXPECT_EQ(view.unscaled<std::int64_t>(10, 3), 1239);
  EXPECT_EQ(view.unscaled<std::int64_t>(10, 5), 123900);
  EXPECT_EQ(view.unscaled<std::int64_t>(3, 3), std::nullopt) << "no room before the point";
  EXPECT_FALSE(NumericView::parse({buffer.data(), buffer.size() - 1}).has_value());
}

std::vector<WriteColumn> write_columns(const data::Schema& schema) {
  std::vector<WriteColumn> columns;
  for (const auto& field : schema.fields) columns.push_back(new_column(field.name, field.type));
  return columns;
}

data::SchemaPtr schema_of(std::vector<data::Field> fields) {
  return std::make_shared<const data::Schema>(data::Schema{std::move(fields)});
}

TEST(Copy, RowsAreFramedAsTheManualSays) {
  const auto schema = schema_of({{"a", data::type_of(Kind::Int16), data::Nullable::Yes},
                                 {"b", data::type_of(Kind::String), data::Nullable::Yes}});
  data::ColumnBuilder a{schema->fields[0].type};
  data::ColumnBuilder b{schema->fields[1].type};
  a.append(std::int16_t{258});
  a.append_null();
  b.append_text("xyz");
  b.append_text("");
  std::vector<data::Column> columns;
  columns.push_back(a.finish());
  columns.push_back(b.finish());
  const data::Batch batch{schema, std::move(columns), 2};
  auto encoder = CopyEncoder::create(*schema, write_columns(*schema)).value();
  data::BufferBuilder out;
  CopyEncoder::append_header(out);
  ASSERT_TRUE(encoder.append(batch, 0, 2, out).ok());
  CopyEncoder::append_trailer(out);
  EXPECT_EQ(hex(out),
            "5047434f50590aff0d0a00"
            "00000000"
            "00000000"
            "0002"
            "00000002"
            "0102"
            "00000003"
            "78797a"
            "0002"
            "ffffffff"
            "00000000"
            "ffff");
}

// Encodes a column of a new table and decodes it as the server would send it back.
TEST(Copy, DecodesWhatItEncodes) {
  struct Case {
    std::string type;
    std::vector<std::string> values;
    TypeRef native;
  };
  const std::vector<Case> cases{
      {"bool", {"true", "false"}, {16, -1}},
      {"int64", {"-9223372036854775808", "9223372036854775807"}, {20, -1}},
      {"float32", {"nan", "-inf", "0.1"}, {700, -1}},
      {"float64", {"5e-324", "1.7976931348623157e+308"}, {701, -1}},
      {"decimal(76,38)",
       {"-99999999999999999999999999999999999999.99999999999999999999999999999999999999",
        "0.00000000000000000000000000000000000001"},
       {1700, ((76 << 16) | 38) + 4}},
      {"decimal(38,0)", {"99999999999999999999999999999999999999"}, {1700, (38 << 16) + 4}},
      {"decimal(9,9)", {"-0.999999999"}, {1700, ((9 << 16) | 9) + 4}},
      {"string", {"", "Привет"}, {25, -1}},
      {"binary", {"\\x00ff"}, {17, -1}},
      {"date", {"1969-12-31", "9999-12-31", "0001-01-01"}, {1082, -1}},
      {"time(us)", {"24:00:00.000000"}, {1083, -1}},
      {"timestamp(us)", {"1969-12-31 23:59:59.999999"}, {1114, -1}},
      {"timestamp(us, UTC)", {"2026-03-01 12:45:00.250000Z"}, {1184, -1}},
      {"interval", {"P1Y2M3DT4H5M6.5S"}, {1186, -1}},
      {"uuid", {"61f0c404-5cb3-11e7-907b-a6006ad3dba0"}, {2950, -1}},
      {"json", {"{\"a\":  1}"}, {3802, -1}},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.type);
    const auto schema = schema_of({{"c", *data::parse_type(each.type), data::Nullable::Yes}});
    data::ColumnBuilder builder{schema->fields[0].type};
    for (const auto& text : each.values) ASSERT_TRUE(data::append_parsed(builder, text).ok()) << text;
    builder.append_null();
    const auto rows = builder.rows();
    std::vector<data::Column> columns;
    columns.push_back(builder.finish());
    const data::Batch batch{schema, std::move(columns), rows};
    data::BufferBuilder out;
    CopyEncoder::append_header(out);
    auto encoder = CopyEncoder::create(*schema, write_columns(*schema)).value();
    ASSERT_TRUE(encoder.append(batch, 0, rows, out).ok());
    CopyEncoder::append_trailer(out);

    CopyDecoder decoder{{read_column("c", each.native, TypeCatalog{}, ReadRules{})}};
    EXPECT_EQ(decoder.schema()->fields[0].type.text(), each.type);
    const auto decoded = decoder.append({out.data(), out.size()});
    ASSERT_TRUE(decoded.ok()) << decoded.error().text();
    const auto back = decoder.finish_batch();
    ASSERT_EQ(back.rows(), rows);
    for (std::size_t row = 0; row + 1 < rows; ++row)
      EXPECT_EQ(data::value_text(back.column(0), row), data::value_text(batch.column(0), row));
    EXPECT_TRUE(back.column(0).is_null(rows - 1));
  }
}

TEST(Copy, EveryCutAndFlippedByteIsAnErrorOrAValue) {
  const auto schema = schema_of({{"n", data::decimal(12, 2), data::Nullable::Yes},
                                 {"t", data::type_of(Kind::String), data::Nullable::Yes},
                                 {"l", data::list_of(data::type_of(Kind::Int32)), data::Nullable::Yes}});
  std::vector<data::Column> columns;
  for (const auto& [index, text] : {std::pair{0U, "12.34"}, std::pair{1U, "text"}, std::pair{2U, "[1,2]"}}) {
    data::ColumnBuilder builder{schema->fields[index].type};
    ASSERT_TRUE(data::append_parsed(builder, text).ok());
    columns.push_back(builder.finish());
  }
  const data::Batch batch{schema, std::move(columns), 1};
  data::BufferBuilder out;
  CopyEncoder::append_header(out);
  auto encoder = CopyEncoder::create(*schema, write_columns(*schema)).value();
  ASSERT_TRUE(encoder.append(batch, 0, 1, out).ok());
  const std::vector<std::byte> good(out.data(), out.data() + out.size());
  const auto decode = [&](const std::vector<std::byte>& bytes) {
    std::vector<ReadColumn> read;
    TypeCatalog types;
    read.push_back(read_column("n", {1700, ((12 << 16) | 2) + 4}, types, {}));
    read.push_back(read_column("t", {25, -1}, types, {}));
    read.push_back({.name = "l", .type = schema->fields[2].type, .wire = Wire::Array, .element = Wire::Int4});
    CopyDecoder decoder{std::move(read)};
    return decoder.append(bytes).ok();
  };
  ASSERT_TRUE(decode(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}) && size > kCopyHeaderBytes)
        << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const auto flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
      auto bad = good;
      bad[at] ^= flip;
      static_cast<void>(decode(bad));  // it may still be a value; it must not run past the end (asan)
    }
  }
}

}  // namespace
}  // namespace weir::postgres
