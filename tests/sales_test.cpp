#include <gtest/gtest.h>

#include "base/file.hpp"
#include "sales_oracle.hpp"
#include "weir_program.hpp"

// The sales example, whole: the real binary, the embedded ClickHouse and a managed PostgreSQL. SQLite says what the totals
// must be.
namespace weir {
namespace {

using testing::TestProject;

std::filesystem::path csv_of(const TestProject& project, const std::string& run) {
  return project.folder() / "files" / run / "sales.csv";
}

constexpr std::string_view kShopAggregates =
    "SELECT region, product_id, sales_count, (sales_amount * 100)::bigint, (average_sale_amount * 10000)::bigint, "
    "rank_in_region, (share_of_region * 1000000)::bigint, (running_total * 100)::bigint, "
    "(month_over_month_change * 100)::bigint FROM sales_aggregates ORDER BY region COLLATE \"C\", product_id";

constexpr std::string_view kPublishedAggregates =
    "SELECT region, product_id, sales_count, toInt64(sales_amount * 100), toInt64(average_sale_amount * 10000), "
    "rank_in_region, toInt64(toDecimal64(share_of_region, 6) * 1000000), toInt64(running_total * 100), "
    "toInt64(month_over_month_change * 100) FROM sales_aggregates WHERE run_id = '{}' ORDER BY region, product_id";

void expect_totals(const TestProject& project, const std::string& run) {
  const auto totals = testing::sales_totals(csv_of(project, run));
  EXPECT_GT(totals.rejected, 0);
  EXPECT_GT(totals.removed, 0);
  EXPECT_EQ(totals.generated, totals.clean + totals.rejected + totals.removed);
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM raw_sales"), std::to_string(totals.generated) + "\n");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM rejected_sales"), std::to_string(totals.rejected) + "\n");
  EXPECT_EQ(project.query("warehouse", "SELECT sum(removed_rows) FROM removed_duplicates"),
            std::to_string(totals.removed) + "\n");
  EXPECT_EQ(project.query("shop", "SELECT count(*), sum(quantity), (sum(sale_amount) * 100)::bigint FROM sales"),
            fmt::format("{},{},{}\n", totals.clean, totals.quantity, totals.clean_cents));
  EXPECT_EQ(
      project.query(
          "shop",
          "SELECT region, sum(sales_count)::bigint, sum(sales_amount) FROM sales_aggregates GROUP BY 1 ORDER BY 1"),
      totals.by_region);
  EXPECT_EQ(
      project.query("warehouse", fmt::format("SELECT region, sum(sales_count), sum(sales_amount) FROM sales_aggregates "
                                             "WHERE run_id = '{}' GROUP BY 1 ORDER BY 1",
                                             run)),
      totals.by_region);
  EXPECT_EQ(project.query("shop", std::string{kShopAggregates}), totals.aggregates);
  EXPECT_EQ(project.query("warehouse", fmt::format(kPublishedAggregates, run)), totals.aggregates);
}

TEST(Sales, AMillionRowsComeToWhatPlainSqlSays) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto first = project.run({"run", "sales", "--json"});
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  const auto run = first.event("run_finished")["run"].get<std::string>();
  EXPECT_EQ(first.event("step", "generate")["rows_written"], 1'000'000);
  expect_totals(project, run);

  // A second run appends its own import and leaves the first as it is.
  const auto second = project.run({"run", "sales", "--json", "-p", "rows=20000", "-p", "seed=8"});
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  const auto second_run = second.event("run_finished")["run"].get<std::string>();
  expect_totals(project, second_run);
  // Few rows leave products without a sale in one of the months that are compared.
  EXPECT_GT(testing::sales_totals(csv_of(project, second_run)).half_empty, 100);
  EXPECT_EQ(
      project.query("warehouse", "SELECT count(DISTINCT run_id), count(DISTINCT import_date) FROM sales_aggregates"),
      "2,1\n");
  EXPECT_TRUE(std::filesystem::exists(csv_of(project, run)));
}

TEST(Sales, AMonthCountsOnceTheSalesReachItsLastDay) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", "sales", "--select", "+load", "--json", "-p", "rows=20000"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const auto csv = csv_of(project, run.event("run_finished")["run"].get<std::string>());
  const auto until = [&](int days) {
    const auto day = project.query(
        "shop", fmt::format("SELECT date_trunc('month', max(sale_date)::timestamp)::date - {} FROM sales", days));
    return day.substr(0, 10);
  };
  // The last day of a month, which counts then, and the day before it, on which the month before it is the newest.
  for (const auto& day : {until(1), until(2)}) {
    ASSERT_EQ(project.run({"query", "shop", fmt::format("DELETE FROM sales WHERE sale_date > '{}'", day)}).exit_code,
              0);
    ASSERT_EQ(project.run({"run", "sales", "--select", "aggregate/sales_aggregates", "--new"}).exit_code, 0);
    EXPECT_EQ(project.query("shop", std::string{kShopAggregates}), testing::sales_totals(csv, day).aggregates) << day;
  }
}

TEST(Sales, ParquetStagesTheSameTableAsCsv) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto staged = [&] {
    const auto run = project.run({"run", "sales", "--select", "+stage", "--json", "--new", "-p", "rows=20000"});
    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    return project.query("warehouse", "SELECT count(), sum(cityHash64(*)) FROM raw_sales");
  };
  const auto as_csv = staged();
  EXPECT_TRUE(as_csv.starts_with("20000,")) << as_csv;
  project.edit("pipelines/sales.yml", "sales.csv", "sales.parquet");
  project.edit("pipelines/sales.yml", "{object: \"files/{{ run.id }}/sales.csv\", options: {types: string}}",
               "\"files/{{ run.id }}/sales.parquet\"");
  EXPECT_EQ(staged(), as_csv);
}

TEST(Sales, TheSameRunPublishedTwiceDoesNotDoubleItsRows) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  // A reconciliation that must fail leaves the run failed after it has published.
  project.edit("pipelines/sales.yml", "ignore: [import_date, run_id]", "ignore: [import_date]");
  const auto failed = project.run({"run", "sales", "--json", "-p", "rows=20000"});
  ASSERT_EQ(failed.exit_code, 1) << failed.out;
  const auto* const figures = "SELECT count(), sum(sales_count), sum(sales_amount) FROM sales_aggregates";
  const auto rows = project.query("warehouse", figures);
  EXPECT_FALSE(rows.starts_with("0,")) << rows;
  project.edit("pipelines/sales.yml", "ignore: [import_date]", "ignore: [import_date, run_id]");
  const auto retried = project.run({"retry", "--json"});
  ASSERT_EQ(retried.exit_code, 0) << retried.out << retried.err;
  EXPECT_TRUE(retried.event("step", "publish").is_null());  // it was done
  EXPECT_EQ(project.query("warehouse", figures), rows);
  // And where the user wants it done again.
  const auto run = retried.event("run_finished")["run"].get<std::string>();
  for (int i = 0; i < 2; ++i) {
    const auto again = project.run({"retry", run, "--from", "publish", "--json"});
    ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
    EXPECT_EQ(again.event("step", "publish")["state"], "succeeded") << again.out;
    EXPECT_EQ(project.query("warehouse", figures), rows);
  }
  // Another run is another import, beside this one.
  ASSERT_EQ(project.run({"run", "sales", "--json", "-p", "rows=20000"}).exit_code, 0);
  EXPECT_EQ(project.query("warehouse", fmt::format("{} WHERE run_id = '{}'", figures, run)), rows);
}

TEST(Sales, ACorruptedCopyIsFoundAndNamed) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", "sales", "--json", "-p", "rows=20000"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  ASSERT_EQ(project
                .run({"query", "shop",
                      "UPDATE sales_aggregates SET sales_amount = sales_amount + 0.01 WHERE region = 'North' AND "
                      "product_id = (SELECT min(product_id) FROM sales_aggregates WHERE region = 'North')"})
                .exit_code,
            0);
  project.edit("pipelines/sales.yml", "run_id = '{{ run.id }}'",
               fmt::format("run_id = '{}'", run.event("run_finished")["run"].get<std::string>()));
  const auto checked = project.run({"run", "sales", "--json", "--select", "reconcile"});
  EXPECT_EQ(checked.exit_code, 1);
  const auto error = checked.event("step", "reconcile")["error"];
  EXPECT_EQ(error["code"], "check_failed");
  EXPECT_NE(error["message"].get<std::string>().find("region=North"), std::string::npos) << error;
  EXPECT_NE(error["message"].get<std::string>().find("sales_amount"), std::string::npos) << error;
}

TEST(Sales, OtherFormatsHoldTheSameRows) {
  const TestProject project{"sales"};
  project.write("pipelines/formats.yml", R"(name: formats
tasks:
  lines:   {generate: {spec: generators/sales.yml, rows: 5000, seed: 7, date: 2026-03-03, to: files/a.jsonl}}
  packed:  {generate: {spec: generators/sales.yml, rows: 5000, seed: 7, date: 2026-03-03, to: files/a.csv.gz}}
  plain:   {generate: {spec: generators/sales.yml, rows: 5000, seed: 7, date: 2026-03-03, to: files/a.csv}}
  stage_lines:  {needs: [lines],  copy: {from: {object: files/a.jsonl, options: {types: string}}, to: warehouse.lines, mode: replace}}
  stage_packed: {needs: [packed], copy: {from: files/a.csv.gz, to: warehouse.packed, mode: replace}}
  stage_plain:  {needs: [plain],  copy: {from: files/a.csv, to: warehouse.plain, mode: replace}}
)");
  const auto run = project.run({"run", "formats", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const auto sums = [&](const std::string& table) {
    return project.query(
        "warehouse", "SELECT count(), countIf(region IS NULL), sum(cityHash64(sale_id, sale_amount)) FROM " + table);
  };
  EXPECT_EQ(sums("plain").substr(0, 5), "5000,");
  EXPECT_EQ(sums("packed"), sums("plain"));
  EXPECT_EQ(sums("lines").substr(0, 5), "5000,");
}

}  // namespace
}  // namespace weir
