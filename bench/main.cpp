// Measures Weir against its references. Prints progress on stderr, and on stdout a table and then one line of JSON a
// figure; keeps figures and environment in bench/results/<scenario>-<date>.json.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iterator>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "environment.hpp"
#include "scenario.hpp"

namespace weir::bench {
namespace {

struct Options {
  std::vector<std::string> names = {"sales"};
  bool keep = true;
  Setup setup{.source = WEIR_SOURCE_DIR, .build = WEIR_BUILD_DIR, .folder = {}};
};

std::vector<Scenario> scenarios() {
  return {{"sales", sales_parts()},         {"http", http_parts()},
          {"mongo", mongo_parts()},         {"replication", replication_parts()},
          {"scheduler", scheduler_parts()}, {"soak", soak_parts()}};
}

// The parts that a name stands for: all of a scenario, or the one part that is called so.
std::vector<Part> parts_named(const std::string& name) {
  for (Scenario& scenario : scenarios()) {
    if (scenario.name == name) return std::move(scenario.parts);
    const auto part = std::ranges::find(scenario.parts, name, &Part::name);
    if (part != scenario.parts.end()) return {*part};
  }
  return {};
}

std::string known_names() {
  std::string text;
  for (const Scenario& scenario : scenarios()) {
    text += fmt::format("\n  {:<12} all of the parts below", scenario.name);
    for (const Part& part : scenario.parts) text += fmt::format("\n  {:<12} {}", part.name, part.summary);
  }
  return text;
}

Result<void> keep_results(const Options& options, const std::string& name, const Json& figures,
                          const Json& environment) {
  const std::string date = format_instant(system_clock().now()).substr(0, 10);
  const auto path = options.setup.source / "bench/results" / fmt::format("{}-{}.json", name, date);
  const Json document = {{"scenario", name}, {"environment", environment}, {"figures", figures}};
  WEIR_TRY(write_file(path, document.dump(2) + "\n"));
  fmt::print(stderr, "kept in bench/results/{}\n", path.filename().string());
  return {};
}

// Measures every part even after one has failed; false when one has.
Result<bool> measure(const Options& options, const std::string& name) {
  const std::vector<Part> parts = parts_named(name);
  if (parts.empty())
    return Error::user(Code::InvalidArgument, "no such scenario: {}", name).hint("there are:" + known_names());
  const Json surroundings = environment(options.setup.source);
  bool all_measured = true;
  Figures figures;
  for (const Part& part : parts) {
    fmt::print(stderr, "{}: {}\n", part.name, part.summary);
    auto measured = part.measure(options.setup);
    if (!measured) {
      fmt::print(stderr, "{}: not measured: {}\n", part.name, measured.error().explain());
      all_measured = false;
      continue;
    }
    std::ranges::move(*measured, std::back_inserter(figures));
  }
  fmt::print("{}\n", table(figures));
  Json lines = Json::array();
  for (const Figure& figure : figures) {
    lines.push_back(to_json(figure));
    fmt::print("{}\n", to_text(lines.back()));
  }
  if (options.keep) WEIR_TRY(keep_results(options, name, lines, surroundings));
  return all_measured;
}

int start(int argc, char** argv) {
  Options options;
  bool discard = false;
  CLI::App app{"Measures Weir against its references"};
  app.add_option("scenario", options.names, "What to measure:" + known_names());
  app.add_option("--repeats", options.setup.repeats, "Runs of which the best counts")->check(CLI::PositiveNumber);
  app.add_option("--rows", options.setup.rows, "Rows of the sales table");
  app.add_flag("--with-pymongo", options.setup.with_pymongo,
               "Measure the copy from MongoDB by pymongo and by sling too (see bench/pymongo)");
  app.add_flag("--with-pyspark", options.setup.with_pyspark, "Measure the PySpark pipeline too (see bench/pyspark)");
  app.add_flag("--discard", discard, "Do not keep the results");
  CLI11_PARSE(app, argc, argv);
  options.keep = !discard;

  bool all_measured = true;
  for (const std::string& name : options.names) {
    options.setup.folder = options.setup.build / "bench-scratch";
    std::filesystem::remove_all(options.setup.folder);
    std::filesystem::create_directories(options.setup.folder);
    const auto measured = measure(options, name);
    if (!measured) fmt::print(stderr, "{}\n", measured.error().explain());
    all_measured = measured && *measured && all_measured;
  }
  std::filesystem::remove_all(options.setup.folder);
  return all_measured ? 0 : 1;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) { return weir::bench::start(argc, argv); }
