#include "connectors/clickhouse/staging.hpp"

#include <fmt/format.h>

#include <array>

#include "connectors/clickhouse/column_type.hpp"

namespace weir::clickhouse {
namespace {

constexpr std::array kMarks{kStagingMark, kNextMark, kOldMark};

}  // namespace

bool is_internal_table(std::string_view name) { return name == kCommitsTable || !owner_in(name).empty(); }

std::string_view owner_in(std::string_view table_name) {
  for (const auto mark : kMarks) {
    if (const auto at = table_name.rfind(mark); at != std::string_view::npos)
      return table_name.substr(at + mark.size());
  }
  return {};
}

flow::Relation beside(const flow::Relation& table, std::string_view mark, std::string_view owner) {
  return {table.space, fmt::format("{}{}{}", table.name, mark, owner)};
}

Result<std::vector<flow::Relation>> find_leftovers(ClientPool& pool, const flow::Relation& table,
                                                   std::stop_token stop) {
  const auto rows = WEIR_TRY(pool.take()->rows(
      {.sql =
           fmt::format("SELECT name, metadata_modification_time < now() - 86400 FROM system.tables WHERE database = {} "
                       "AND startsWith(name, {}) ORDER BY position(name, {}) > 0, name",
                       quote_text(table.space), quote_text(table.name + "__weir_"), quote_text(kOldMark))},
      stop));
  std::vector<flow::Relation> leftovers;
  for (const auto& row : rows) {
    const auto name = row[0].value_or("");
    const auto owner = owner_in(name);
    if (owner.empty()) continue;
    const auto state = owner_state(owner);
    const bool old = row[1] == "1";
    if (state == OwnerState::Dead || (state == OwnerState::Elsewhere && old)) leftovers.push_back({table.space, name});
  }
  return leftovers;
}

}  // namespace weir::clickhouse
