#include "flow/replication.hpp"

namespace weir::flow {

bool matches_pattern(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (;; name.remove_prefix(1)) {
    if (matches_pattern(name, pattern)) return true;
    if (name.empty()) return false;
  }
}

}  // namespace weir::flow
