#include "services/user.hpp"

#include <pwd.h>

#include <vector>

namespace weir::services {
namespace {

constexpr std::size_t kEntryBytesMax = 65536;

template <typename Lookup>
std::optional<User> find(Lookup lookup) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(kEntryBytesMax);
  if (lookup(&entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return User{found->pw_name, found->pw_uid, found->pw_gid};
}

}  // namespace

std::optional<User> find_user(const std::string& name) {
  return find([&](passwd* entry, char* buffer, std::size_t bytes, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, bytes, found);
  });
}

std::optional<User> find_user(uid_t uid) {
  return find([&](passwd* entry, char* buffer, std::size_t bytes, passwd** found) {
    return ::getpwuid_r(uid, entry, buffer, bytes, found);
  });
}

}  // namespace weir::services
