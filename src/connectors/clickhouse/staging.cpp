#include "connectors/clickhouse/staging.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <functional>

#include "base/file.hpp"
#include "connectors/clickhouse/column_type.hpp"

namespace weir::clickhouse {
namespace {

constexpr std::array kMarks{kStagingMark, kNextMark, kOldMark};

// The 22nd field of /proc/<pid>/stat, "" when there is no such process: together with its number it names a process.
std::string start_time(std::string_view pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat.ok()) return {};
  // The second field is a program's name in parentheses and may hold anything.
  auto rest = std::string_view{*stat}.substr(stat->rfind(')') + 1);
  for (int field = 3; field <= 22; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    if (field == 22) return std::string{rest.substr(0, rest.find(' '))};
    rest.remove_prefix(std::min(rest.size(), rest.find(' ')));
  }
  return {};
}

std::string machine() {
  auto text = read_file("/proc/sys/kernel/random/boot_id");
  std::error_code failed;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/pid", failed);
  return fmt::format("{:016x}", std::hash<std::string>{}((text.ok() ? *text : std::string{}) + space.string()));
}

}  // namespace

bool is_internal_table(std::string_view name) { return name == kCommitsTable || !owner_in(name).empty(); }

std::string make_owner() {
  const auto pid = std::to_string(::getpid());
  return fmt::format("{}_{}_{}_{}", machine(), pid, start_time(pid), generate_secret(6).reveal());
}

OwnerState owner_state(std::string_view owner) {
  std::array<std::string_view, 3> parts;
  for (auto& part : parts) {
    part = owner.substr(0, owner.find('_'));
    owner.remove_prefix(std::min(owner.size(), part.size() + 1));
  }
  if (parts[0] != machine()) return OwnerState::Elsewhere;
  return start_time(parts[1]) == parts[2] ? OwnerState::Alive : OwnerState::Dead;
}

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
