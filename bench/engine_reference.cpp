// The ClickHouse engine in process, without Weir around it: the reference of the warehouse's and the files' figures.
//   weir_bench_engine DATA_FOLDER native FILE   inserts FILE (Native, the sales table's shape) through an insert stream
//   weir_bench_engine DATA_FOLDER csv FILE      lets the engine read FILE itself, every cell as text
// Prints the seconds of the insert alone. It is a program of its own because one process has one data folder, and ends
// with _exit because the engine's threads run on.

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "warehouse/chdb.hpp"

namespace weir::bench {
namespace {

using warehouse::ChdbConnection;

constexpr std::string_view kTyped =
    "sale_id Int64, customer_id Int64, product_id Int32, quantity Int32, sale_date Date32, sale_amount Decimal(12, 2),"
    " region String";
constexpr std::string_view kText =
    "sale_id String, customer_id String, product_id String, quantity String, sale_date String, sale_amount String,"
    " region String";

Result<void> make_table(ChdbConnection& connection, std::string_view columns) {
  WEIR_TRY(connection.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic", "Null"));
  WEIR_TRY(connection.query("DROP TABLE IF EXISTS bench.sales SYNC", "Null"));
  WEIR_TRY(connection.query(fmt::format("CREATE TABLE bench.sales ({}) ENGINE = MergeTree ORDER BY tuple()", columns),
                            "Null"));
  return {};
}

Result<void> insert_native(ChdbConnection& connection, const std::string& native) {
  auto insert = WEIR_TRY(connection.insert("INSERT INTO bench.sales", "Native"));
  WEIR_TRY(insert.append(std::as_bytes(std::span(native))));
  WEIR_TRY(insert.finish());
  return {};
}

Result<void> insert_csv(ChdbConnection& connection, const std::string& file) {
  WEIR_TRY(connection.query(
      fmt::format("INSERT INTO bench.sales SELECT * FROM file('{}', CSVWithNames, '{}')", file, kText), "Null"));
  return {};
}

Result<double> measure(const std::string& folder, std::string_view work, const std::string& file) {
  const auto library = WEIR_TRY(warehouse::Chdb::load(warehouse::Chdb::default_library()));
  auto connection = WEIR_TRY(library.connect({"--path=" + folder}));
  const bool native = work == "native";
  WEIR_TRY(make_table(connection, native ? kTyped : kText));
  const std::string bytes = native ? WEIR_TRY(read_file(file)) : std::string();
  const auto begin = std::chrono::steady_clock::now();
  WEIR_TRY(native ? insert_native(connection, bytes) : insert_csv(connection, file));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int start(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: weir_bench_engine DATA_FOLDER native|csv FILE\n");
    return 2;
  }
  std::filesystem::create_directories(argv[1]);
  const auto seconds = measure(argv[1], argv[2], argv[3]);
  if (!seconds) {
    fmt::print(stderr, "{}\n", seconds.error().explain());
    return 1;
  }
  fmt::print("{:.6f}\n", *seconds);
  return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  const int code = weir::bench::start(argc, argv);
  std::fflush(nullptr);
  _exit(code);
}
