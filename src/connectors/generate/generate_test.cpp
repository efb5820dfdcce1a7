#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/file.hpp"
#include "connectors/generate/alias_table.hpp"
#include "connectors/generate/generate_source.hpp"
#include "data/calendar.hpp"
#include "data/decimal.hpp"
#include "data/text.hpp"

namespace weir::generate {
namespace {

const std::int64_t kLastDay = data::days_from_civil({2026, 3, 3});

Json sales() {
  return parse_json(R"({
    "columns": {
      "sale_id": {"sequence": {"start": 1}},
      "customer_id": {"zipf": {"from": 1, "to": 5000, "exponent": 0.8, "shuffle": true}},
      "product_id": {"zipf": {"from": 1, "to": 50, "exponent": 0.9}},
      "quantity": {"zipf": {"from": 1, "to": 12, "exponent": 1.3}},
      "sale_date": {"date": {"days": 365, "order": "ascending", "weekdays": {"saturday": 2.0}, "months": {"december": 1.8}}},
      "price": {"walk": {"by": "product_id", "over": "sale_date", "from": 1.5, "to": 250, "drift": 0.04, "volatility": 0.08},
                "output": false},
      "sale_amount": {"formula": {"expression": "quantity * price"}},
      "region": {"choice": {"North": 0.4, "South": 0.3, "East, far": 0.2, "West": 0.1}}
    }})")
      .value();
}

Json with_defects(Json spec) {
  spec["defects"] = parse_json(R"({
    "duplicate": {"rate": 0.01, "within": 1000},
    "conflict": {"rate": 0.004, "keep": ["sale_id"]},
    "empty": {"rate": 0.004, "columns": ["customer_id", "quantity", "sale_date"]},
    "malformed": {"rate": 0.004, "columns": ["customer_id", "quantity", "sale_date", "sale_amount"]},
    "negative": {"rate": 0.003, "columns": ["quantity"]},
    "unknown": {"rate": 0.003, "columns": ["region"], "values": ["Centre", "?"]},
    "mismatch": {"rate": 0.01, "columns": ["sale_amount"], "indivisible_by": "quantity"},
    "whitespace": {"rate": 0.008, "columns": ["sale_id", "region"]},
    "case": {"rate": 0.008, "columns": ["region"]}})")
                        .value();
  return spec;
}

Spec spec_of(const Json& json) {
  auto outcome = parse_spec(Settings{json});
  for (const auto& mistake : outcome.mistakes) ADD_FAILURE() << mistake.path << ": " << mistake.error.text();
  return std::move(outcome.spec).value();
}

using Row = std::vector<std::string>;

// Splits the lines that the generator writes: it quotes only what holds a comma.
std::vector<Row> rows_of(const std::string& text) {
  std::vector<Row> rows(1, Row(1));
  bool in_quotes = false;
  for (const char c : text) {
    if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      rows.back().emplace_back();
    } else if (c == '\n') {
      rows.emplace_back(1);
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

class Generate : public ::testing::Test {
 protected:
  Generate() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() / fmt::format("weir-generate-{}-{}", info->name(), ::getpid());
  }
  ~Generate() override { std::filesystem::remove_all(folder_); }

  GenerateReport generate(const Json& json, std::uint64_t rows, std::uint64_t seed, int threads = 1) {
    auto report = generate_file({spec_of(json), {rows, seed, kLastDay}, path(), threads}, {});
    EXPECT_TRUE(report.ok()) << report.error().text();
    return std::move(report).value();
  }
  std::filesystem::path path() const { return folder_ / "run" / "sales.csv"; }
  std::string text() const { return read_file(path()).value(); }

  std::filesystem::path folder_;
};

TEST_F(Generate, SameSeedSameBytesWhateverTheThreads) {
  const auto json = with_defects(sales());
  const auto report = generate(json, 150'001, 7, 1);
  const auto one = text();
  EXPECT_EQ(report.bytes, one.size());
  EXPECT_EQ(report.rows, 150'001U);
  const auto again = generate(json, 150'001, 7, 3);
  EXPECT_TRUE(text() == one);
  EXPECT_EQ(again.defects, report.defects);
  generate(json, 150'001, 8, 3);
  EXPECT_FALSE(text() == one);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{path().parent_path()}, {}), 1);
}

TEST_F(Generate, CleanRowsKeepWhatTheDescriptionSays) {
  generate(sales(), 100'000, 7, 2);
  const auto rows = rows_of(text());
  ASSERT_EQ(rows.size(), 100'001U);
  EXPECT_EQ(rows[0], (Row{"sale_id", "customer_id", "product_id", "quantity", "sale_date", "sale_amount", "region"}));
  std::map<std::string, int> regions;
  std::map<int, int> products;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> prices;
  std::string last_date = "2025-03-04";
  std::map<std::string, int> days;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& row = rows[i];
    ASSERT_EQ(row.size(), 7U);
    ASSERT_EQ(row[0], std::to_string(i));
    ASSERT_LE(last_date, row[4]);
    last_date = row[4];
    ++days[row[4]];
    ++regions[row[6]];
    ++products[std::stoi(row[2])];
    // The unit price is one and the same for a product and a day.
    const auto cents = data::rescale(*data::parse_decimal(row[5]), 18, 2)->words[0];
    const auto quantity = std::stoull(row[3]);
    ASSERT_EQ(cents % quantity, 0U);
    prices[{row[2], row[4]}].insert(std::to_string(cents / quantity));
  }
  EXPECT_EQ(last_date, "2026-03-03");
  EXPECT_EQ(days.size(), 365U);
  for (const auto& [key, seen] : prices) ASSERT_EQ(seen.size(), 1U) << key.first << ' ' << key.second;
  // Within five standard deviations.
  EXPECT_NEAR(regions["North"], 40'000, 5 * std::sqrt(100'000 * 0.4 * 0.6));
  EXPECT_NEAR(regions["East, far"], 20'000, 5 * std::sqrt(100'000 * 0.2 * 0.8));
  double weights = 0;
  for (int rank = 1; rank <= 50; ++rank) weights += std::pow(rank, -0.9);
  const double expected = 100'000 / weights;
  EXPECT_NEAR(products[1], expected, 5 * std::sqrt(expected));
  EXPECT_NEAR(products[8], expected * std::pow(8, -0.9), 5 * std::sqrt(expected * std::pow(8, -0.9)));
  // Saturday 2025-11-08 and Friday 2025-11-07; December is 1.8 times as busy.
  EXPECT_NEAR(days["2025-11-08"], 2 * days["2025-11-07"], 3);
  EXPECT_NEAR(days["2025-12-05"], 1.8 * days["2025-11-07"], 3);
}

TEST_F(Generate, PricesDrift) {
  auto json = sales();
  json["columns"]["price"]["walk"]["drift"] = 0.5;
  json["columns"]["price"]["walk"]["volatility"] = 0;
  json["columns"]["price"]["output"] = true;
  generate(json, 100'000, 7);
  const auto rows = rows_of(text());
  std::map<std::string, std::pair<double, double>> first_and_last;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto price = std::stod(rows[i][5]);
    const auto entry = first_and_last.try_emplace(rows[i][2], price, price).first;
    entry->second.second = price;
  }
  const auto [first, last] = first_and_last.at("1");
  EXPECT_NEAR(last / first, 1.64, 0.05);
}

TEST_F(Generate, DefectsAreWhatTheReportSays) {
  const std::uint64_t count = 200'000;
  const auto report = generate(with_defects(sales()), count, 7, 2);
  std::map<DefectKind, std::uint64_t> reported;
  for (const auto& [kind, rows] : report.defects) reported[kind] = rows;
  for (const auto& [kind, rate] : std::map<DefectKind, double>{{DefectKind::Duplicate, 0.01},
                                                               {DefectKind::Conflict, 0.004},
                                                               {DefectKind::Empty, 0.004},
                                                               {DefectKind::Malformed, 0.004},
                                                               {DefectKind::Negative, 0.003},
                                                               {DefectKind::Unknown, 0.003},
                                                               {DefectKind::Whitespace, 0.008},
                                                               {DefectKind::Case, 0.008}}) {
    EXPECT_NEAR(static_cast<double>(reported[kind]), rate * count, 5 * std::sqrt(rate * count)) << name(kind);
  }
  // Rows of a quantity of 1 stay right.
  EXPECT_GT(reported[DefectKind::Mismatch], 500U);
  EXPECT_LT(reported[DefectKind::Mismatch], 2000U);

  const auto rows = rows_of(text());
  ASSERT_EQ(rows.size(), count + 1);
  const std::set<std::string> regions{"North", "South", "East, far", "West"};
  std::map<DefectKind, std::uint64_t> found;
  std::map<std::string, Row> by_id;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& row = rows[i];
    ASSERT_EQ(row.size(), 7U) << i;
    if (row[0].find(' ') != std::string::npos || row[6].front() == ' ' || row[6].back() == ' ') {
      ++found[DefectKind::Whitespace];
      continue;
    }
    if (const auto [earlier, is_new] = by_id.try_emplace(row[0], row); !is_new) {
      ++found[earlier->second == row ? DefectKind::Duplicate : DefectKind::Conflict];
      continue;
    }
    if (std::ranges::any_of(row, &std::string::empty)) {
      ++found[DefectKind::Empty];
      continue;
    }
    const auto integer = [](const std::string& text) {
      data::ColumnBuilder builder{data::type_of(data::Kind::Int64)};
      return data::append_parsed(builder, text).ok() ? std::optional{builder.finish().values<std::int64_t>()[0]}
                                                     : std::nullopt;
    };
    data::ColumnBuilder date{data::type_of(data::Kind::Date)};
    const auto amount = data::parse_decimal(row[5]);
    if (!integer(row[1]) || !integer(row[3]) || !amount || !data::append_parsed(date, row[4]).ok()) {
      ++found[DefectKind::Malformed];
    } else if (*integer(row[3]) < 0) {
      ++found[DefectKind::Negative];
    } else if (!regions.contains(row[6])) {
      ++found[row[6] == "Centre" || row[6] == "?" ? DefectKind::Unknown : DefectKind::Case];
    } else if (amount->unscaled.words[0] % static_cast<std::uint64_t>(*integer(row[3])) != 0) {
      ++found[DefectKind::Mismatch];
    }
  }
  EXPECT_EQ(found, reported);
}

TEST_F(Generate, SumsDoNotDependOnHowRowsAreRead) {
  for (const auto& json : {sales(), with_defects(sales())}) {
    GenerateSource source{spec_of(json), {200'000, 7, kLastDay}};
    const auto report = generate(json, 200'000, 7);
    std::string csv;
    const auto parts = source.partitions({}, 3, {}).value();
    EXPECT_EQ(parts.size(), 3U);
    for (const auto& part : parts) {
      flow::ReadRequest request;
      request.limits.batch_rows = 10'000;
      auto reader = source.open(request, part, std::nullopt, {}).value();
      EXPECT_EQ(reader->schema()->fields[0].type.kind,
                json.contains("defects") ? data::Kind::String : data::Kind::Int64);
      while (auto delivery = reader->next({}).value()) {
        const auto& batch = delivery->batch;
        EXPECT_LE(batch.rows(), 10'000U);
        for (std::size_t row = 0; row < batch.rows(); ++row) {
          for (const auto& column : batch.columns()) {
            const auto value = data::value_text(column, row);
            csv += value.find(',') == std::string::npos ? value : "\"" + value + "\"";
            csv += ',';
          }
          csv.back() = '\n';
        }
      }
    }
    const auto file = text();
    EXPECT_TRUE(file.substr(file.find('\n') + 1) == csv);
    EXPECT_EQ(source.report().defects, report.defects);
    EXPECT_EQ(source.report().rows, 200'000U);
  }
}

TEST_F(Generate, OtherKindsOfColumns) {
  const auto json = parse_json(R"j({"columns": {
      "n": {"integer": {"from": 1, "to": 3}},
      "d": {"decimal": {"from": -1.5, "to": 2, "scale": 1}},
      "c": {"choice": {"a\"b": 1, "never": 0}},
      "sum": {"formula": "(n + 0.25) * 2 - d"},
      "code": {"text": "N{n:4}, {c}"}}})j")
                        .value();
  generate(json, 2'000, 1);
  const auto file = text();
  EXPECT_EQ(file.find("never"), std::string::npos);
  EXPECT_NE(file.find(",\"N0003, a\"\"b\"\n"), std::string::npos);
  std::set<std::string> seen;
  for (const auto& row : rows_of(file)) {
    if (row[0] == "n") continue;
    seen.insert(row[1]);
    EXPECT_DOUBLE_EQ(std::stod(row[3]), (std::stod(row[0]) + 0.25) * 2 - std::stod(row[1]));
  }
  EXPECT_EQ(seen.size(), 36U);  // -1.5 to 2.0 by tenths
}

TEST_F(Generate, FewRowsAndNone) {
  EXPECT_EQ(generate(with_defects(sales()), 0, 7).rows, 0U);
  EXPECT_EQ(text(), "sale_id,customer_id,product_id,quantity,sale_date,sale_amount,region\n");
  generate(with_defects(sales()), 1, 7, 4);
  EXPECT_EQ(rows_of(text()).size(), 2U);
}

TEST_F(Generate, StopsAndFailsWithoutAFile) {
  std::stop_source stopped;
  stopped.request_stop();
  const GenerateRequest request{spec_of(sales()), {1'000'000, 7, kLastDay}, path(), 2};
  EXPECT_EQ(generate_file(request, stopped.get_token()).error().code(), Code::Cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(path().parent_path()));

  const auto huge =
      parse_json(R"({"columns": {"a": {"sequence": {"start": 9000000000000000000}}, "b": {"formula": "a * a"}}})")
          .value();
  const auto failed = generate_file({spec_of(huge), {100, 7, kLastDay}, path(), 2}, {});
  EXPECT_EQ(failed.error().text(), "a formula's value does not fit 64 bits, between the rows 0 and 100");
  EXPECT_TRUE(std::filesystem::is_empty(path().parent_path()));
}

TEST_F(Generate, WritesOverWhatAKilledAttemptLeft) {
  std::filesystem::create_directories(path().parent_path());
  ASSERT_TRUE(write_file(path().parent_path() / ".sales.csv.weir-staged", std::string(100'000, 'x')).ok());
  generate(sales(), 10, 7);
  EXPECT_EQ(rows_of(text()).size(), 11U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{path().parent_path()}, {}), 1);
}

TEST_F(Generate, ReportsProgress) {
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(generate_file({spec_of(sales()), {100'000, 7, kLastDay}, path(), 2}, {}, [&](std::uint64_t rows) {
                seen.push_back(rows);
              }).ok());
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.back(), 100'000U);
}

std::vector<std::string> mistakes(const std::string& json) {
  std::vector<std::string> texts;
  const auto outcome = parse_spec(Settings{parse_json(json).value()});
  EXPECT_EQ(outcome.spec.has_value(), outcome.mistakes.empty());
  for (const auto& mistake : outcome.mistakes) texts.push_back(mistake.path + ": " + mistake.error.text());
  return texts;
}

TEST(GenerateSpec, NamesEveryMistake) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(mistakes(R"({"columns": {}})"), (Texts{"columns: a generator has no columns"}));
  EXPECT_EQ(mistakes(R"({"columns": {"a": {}, "b": {"sequence": {}, "text": "x"}}})"),
            (Texts{"columns.a: column a says nowhere what it holds",
                   "columns.b: column b says more than once what it holds"}));
  EXPECT_EQ(mistakes(R"({"columns": {"a": {"zipf": {"from": 5, "to": 1}}, "b": {"zipf": {"from": 1, "to": 2000000}},
                                     "c": {"choice": {"x": -1, "y": 0}}}})"),
            (Texts{"columns.a.zipf.to: the range ends before it begins: 5 to 1",
                   "columns.b.zipf.to: a zipf range holds at most 1048576 values",
                   "columns.c.choice.x: a weight is negative: -1", "columns.c.choice: the weights add up to nothing"}));
  EXPECT_EQ(
      mistakes(
          R"({"columns": {"a": {"sequence": {}}, "b": {"formula": "a * c"}, "c": {"formula": "a +"}, "d": {"formula": "a / 2"},
                                     "e": {"text": "{x}"}, "f": {"text": "{a"}}})"),
      (Texts{"columns.b.formula: formula a * c: no number column above has this name: c",
             "columns.c.formula: formula a +: it ends where a value is expected",
             "columns.d.formula: formula a / 2: unexpected: / 2",
             "columns.e.text: text {x}: no column above has this name: x",
             "columns.f.text: text {a: a { is never closed"}));
  EXPECT_EQ(mistakes(R"({"columns": {"d": {"date": {"days": 0, "weekdays": {"caturday": 1}, "months": {"may": 0}}},
                                     "p": {"walk": {"by": "q", "over": "d"}}}})"),
            (Texts{"columns.d.date.days: days is outside of 1 to 36600: 0",
                   "columns.d.date.weekdays.caturday: unknown name in weekdays: caturday",
                   "columns.d.date.months.may: a weight is not above 0: 0",
                   "columns.p.walk.by: no zipf or integer column above has this name: q"}));
  EXPECT_EQ(
      mistakes(R"({"columns": {"a": {"sequence": {}}, "t": {"choice": {"x": 1}}}, "defects": {
                         "negative": {"rate": 0.1, "columns": ["t"]}, "case": {"rate": 2, "columns": ["a"]},
                         "empty": {"rate": 0.1, "columns": []}, "unknown": {"rate": 0.1, "columns": ["z"]}}})"),
      (Texts{"defects.empty: empty names no columns", "defects.negative.columns: negative needs a number column: t",
             "defects.unknown.columns: no written column has this name: z", "defects.unknown: unknown names no columns",
             "defects.unknown: unknown has no values", "defects.case.rate: rate is outside of 0 to 0.5: 2",
             "defects.case.columns: case needs a text column: a",
             "defects: the rates add up to more than half of the rows: 2.3"}));
}

TEST(AliasTable, DrawsByWeightAndNeverAWeightOfZero) {
  const std::vector<double> weights{0, 3, 1, 0, 6, 0};
  const AliasTable table{weights};
  const RandomStream random{1, "test"};
  std::vector<int> counts(weights.size());
  for (std::uint64_t i = 0; i < 100'000; ++i) ++counts[table.draw(random.at(i))];
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(counts[i], weights[i] * 10'000, 800) << i;
  EXPECT_EQ(counts[0] + counts[3] + counts[5], 0);
}

}  // namespace
}  // namespace weir::generate
