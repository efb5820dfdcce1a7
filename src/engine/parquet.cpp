#include "engine/parquet.hpp"

#include <algorithm>

#include "base/nearest.hpp"

namespace weir::engine {
namespace {

bool is_clickhouse(const project::Connection& connection) { return connection.type == "clickhouse"; }

}  // namespace

bool is_parquet(std::string_view path, const Json& options) {
  if (options.is_object() && options.contains("format") && options["format"].is_string())
    return options["format"] == "parquet";
  constexpr std::string_view kExtension = ".parquet";
  return path.size() > kExtension.size() &&
         std::ranges::equal(path.substr(path.size() - kExtension.size()), kExtension, [](char c, char expected) {
           return c == expected || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == expected);
         });
}

Result<std::string> parquet_connection(const project::Project& project, std::string_view wanted) {
  std::vector<std::string> known;
  for (const auto& connection : project.connections) {
    if (is_clickhouse(connection)) known.push_back(connection.name);
  }
  if (known.empty()) {
    return Error::user(Code::InvalidProject, "the project has no ClickHouse connection for Parquet files")
        .hint(
            "Parquet is read and written by ClickHouse: add a connection of type clickhouse to weir.yml, e.g. "
            "{type: clickhouse, managed: true}");
  }
  if (wanted.empty()) {
    const auto models = std::ranges::find(known, project.model_connection);
    return models == known.end() ? known.front() : *models;
  }
  if (std::ranges::find(known, wanted) != known.end()) return std::string{wanted};
  const auto nearest = nearest_name(wanted, known);
  return Error::user(Code::InvalidProject, "not a ClickHouse connection of the project: {}", wanted)
      .hint(nearest.empty() ? fmt::format("Parquet goes through one of: {}", fmt::join(known, ", "))
                            : fmt::format("did you mean {}?", nearest));
}

}  // namespace weir::engine
