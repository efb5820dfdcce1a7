#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.hpp"
#include "data/type.hpp"
#include "flow/type_tables.hpp"
#include "weir_program.hpp"

// docs/types.md, walked by the program itself: a file with a column of each type and extreme values goes through PostgreSQL,
// ClickHouse and Parquet, and from each of them into a file again. What only one system holds is in the tables of the
// connectors, which their own tests walk.
namespace weir {
namespace {

using testing::TestProject;

using Texts = std::vector<std::string>;

struct TypeCase {
  std::string type;
  Texts values;
  // What comes back where it is another text; empty: the same.
  Texts from_postgres = {};
  Texts from_clickhouse = {};
  Texts from_parquet = {};
};

const std::vector<TypeCase>& type_cases() {
  static const std::string kDigits(38, '9');
  static const std::vector<TypeCase> kCases{
      {"bool", {"true", "false"}},
      {"int8", {"-128", "127"}},
      {"int16", {"-32768", "32767"}},
      {"int32", {"-2147483648", "2147483647"}},
      {"int64", {"-9223372036854775808", "9223372036854775807"}},
      {"uint8", {"0", "255"}},
      {"uint16", {"0", "65535"}},
      {"uint32", {"0", "4294967295"}},
      {"uint64", {"0", "18446744073709551615"}},
      {"float32", {"3.4028235e+38", "1e-45", "nan", "-inf"}},
      {"float64", {"1.7976931348623157e+308", "5e-324", "nan", "inf"}},
      {"decimal(9,2)", {"-9999999.99", "0.01"}},
      {"decimal(38,0)", {kDigits, "-" + kDigits}},
      {"decimal(76,38)", {kDigits + "." + kDigits, "-0." + std::string(37, '0') + "1"}},
      {"date", {"1900-01-01", "1969-12-31", "2299-12-31"}},
      {"time(s)",
       {"00:00:00", "23:59:59"},
       {"00:00:00.000000", "23:59:59.000000"},
       {},
       {"00:00:00.000000", "23:59:59.000000"}},
      {"time(ms)", {"23:59:59.999"}, {"23:59:59.999000"}, {}, {"23:59:59.999000"}},
      {"time(us)", {"23:59:59.999999"}},
      {"time(ns)", {"23:59:59.999999000"}, {"23:59:59.999999"}},
      {"timestamp(s)", {"2299-12-31 23:59:59"}, {"2299-12-31 23:59:59.000000"}, {}, {"2299-12-31 23:59:59.000"}},
      {"timestamp(ms)", {"1900-01-01 00:00:00.001"}, {"1900-01-01 00:00:00.001000"}},
      {"timestamp(us)", {"1969-12-31 23:59:59.999999", "2299-12-31 23:59:59.999999"}},
      {"timestamp(ns)", {"2262-04-11 23:47:16.854775000"}, {"2262-04-11 23:47:16.854775"}},
      {"timestamp(us, UTC)", {"1969-12-31 23:59:59.999999Z"}},
      {"timestamp(ms, Europe/Moscow)", {"2026-03-01 09:45:00.250Z"}, {"2026-03-01 09:45:00.250000Z"}},
      {"interval", {"P1Y2M3DT4H5M6.5S", "P-1M"}},
      {"string", {"", "Привет, \"мир\" \\ 🌍\r\n;", "x"}},
      {"binary", {"\\x", "\\x00ff0a"}, {}, {"", std::string{"\0\xff\n", 3}}},
      {"uuid", {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
      {"json", {R"({"a": [1, 2.50, null]})", "7", R"("x")"}},
      {"list<int32>", {"[1,null,-3]", "[]"}},
      {"list<string>", {R"(["a","",null])"}},
      {"struct<a int32, b string>", {R"({"a":-1,"b":"x"})"}, {R"({"a": -1, "b": "x"})"}},
  };
  return kCases;
}

// What docs/types.md calls it.
std::string name_in_table(const std::string& text) {
  const auto type = *data::parse_type(text);
  using enum data::Kind;
  switch (type.kind) {
    case Decimal: return "decimal(p,s)";
    case Time: return "time(unit)";
    case Timestamp: return type.zone.empty() ? "timestamp(unit)" : "timestamp(unit, zone)";
    case List: return "list<T>";
    case Struct: return "struct<a T, …>";
    default: break;
  }
  if (text.starts_with("int") && text != "interval") return "int8 … int64";
  return text.starts_with("uint") ? "uint8 … uint64" : text;
}

bool is_nested(const std::string& type) { return type.starts_with("list<") || type.starts_with("struct<"); }

using Cells = std::vector<std::optional<std::string>>;

// The rows of a CSV file (RFC 4180) without its header; nothing for an empty value without quotes.
std::vector<Cells> rows_of_csv(std::string_view text) {
  std::vector<Cells> rows;
  Cells row;
  while (!text.empty()) {
    std::optional<std::string> cell;
    if (text.starts_with('"')) {
      cell.emplace();
      for (text.remove_prefix(1);; text.remove_prefix(1)) {
        if (text.starts_with("\"\""))
          text.remove_prefix(1);
        else if (text.starts_with('"'))
          break;
        *cell += text.front();
      }
      text.remove_prefix(1);
    } else if (const auto size = text.find_first_of(",\n"); size != 0) {
      cell = std::string{text.substr(0, size)};
      text.remove_prefix(size);
    }
    row.push_back(std::move(cell));
    if (text.front() == '\n') rows.push_back(std::exchange(row, {}));
    text.remove_prefix(1);
  }
  rows.erase(rows.begin());
  return rows;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) out += letter == '"' ? std::string{"\"\""} : std::string{letter};
  return out + '"';
}

TEST(Types, EveryRowOfTheTableKeepsItsExtremesThroughEverySystem) {
  const auto& cases = type_cases();
  std::set<std::string> walked;
  std::size_t rows = 0;
  for (const auto& each : cases) {
    walked.insert(name_in_table(each.type));
    rows = std::max(rows, each.values.size());
  }
  EXPECT_EQ(walked, flow::testing::names_in_table(WEIR_SOURCE_DIR "/docs/types.md", "# Types"));

  // Shorter columns begin again; the last row is NULL where the type has it in ClickHouse.
  const auto at = [](const Texts& values, std::size_t row) { return values[row % values.size()]; };
  std::string csv;
  std::string types;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    csv += fmt::format("{}c{}", i == 0 ? "" : ",", i);
    types += fmt::format("{}c{}: \"{}\"", i == 0 ? "" : ", ", i, cases[i].type);
  }
  csv += ",n\n";
  for (std::size_t row = 0; row <= rows; ++row) {
    for (const auto& each : cases) {
      if (row < rows || is_nested(each.type)) csv += quoted(at(each.values, row));
      csv += ',';
    }
    csv += fmt::format("{}\n", row);
  }
  const TestProject project;
  project.write("values.csv", csv);
  project.write("weir.yml",
                "name: types\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n  shop: {type: postgres, "
                "managed: true}\n");
  const auto from_file = fmt::format("{{object: values.csv, options: {{types: {{{}, n: int32}}}}}}", types);
  project.write("pipelines/walk.yml", fmt::format(R"(name: walk
tasks:
  shop: {{copy: {{from: {0}, to: shop.v, mode: replace}}}}
  shop_back: {{needs: [shop], copy: {{from: {{object: shop.v, query: "SELECT * FROM v ORDER BY n"}}, to: from_postgres.csv, mode: replace}}}}
  warehouse: {{copy: {{from: {0}, to: warehouse.v, mode: replace}}}}
  warehouse_back: {{needs: [warehouse], copy: {{from: {{object: warehouse.v, query: "SELECT * FROM v ORDER BY n"}}, to: from_clickhouse.csv, mode: replace}}}}
  parquet: {{copy: {{from: {0}, to: v.parquet, mode: replace}}}}
  parquet_back: {{needs: [parquet], copy: {{from: v.parquet, to: from_parquet.csv, mode: replace}}}}
)",
                                                  from_file));
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", "walk", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  for (const auto& [file, other] : {std::pair{"from_postgres.csv", &TypeCase::from_postgres},
                                    std::pair{"from_clickhouse.csv", &TypeCase::from_clickhouse},
                                    std::pair{"from_parquet.csv", &TypeCase::from_parquet}}) {
    const auto back = rows_of_csv(read_file(project.folder() / file).value());
    ASSERT_EQ(back.size(), rows + 1) << file;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto& expected = (cases[i].*other).empty() ? cases[i].values : cases[i].*other;
      for (std::size_t row = 0; row <= rows; ++row) {
        ASSERT_EQ(back[row].size(), cases.size() + 1) << file;
        if (row < rows || is_nested(cases[i].type)) {
          EXPECT_EQ(back[row][i].value_or("(null)"), at(expected, row)) << file << " " << cases[i].type;
        } else {
          EXPECT_FALSE(back[row][i].has_value()) << file << " " << cases[i].type << " " << *back[row][i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir
