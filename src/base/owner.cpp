#include "base/owner.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>

#include "base/file.hpp"
#include "base/secret.hpp"

namespace weir {
namespace {

// The 22nd field of /proc/<pid>/stat: together with its number it names a process. "" when there is none, or only what its
// parent has not taken note of yet, which in some containers nobody ever does.
std::string start_time(std::string_view pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat.ok()) return {};
  // The second field is a program's name in parentheses and may hold anything.
  auto rest = std::string_view{*stat}.substr(stat->rfind(')') + 1);
  for (int field = 3; field <= 22; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    if (field == 3 && (rest.starts_with('Z') || rest.starts_with('X'))) return {};
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

}  // namespace weir
