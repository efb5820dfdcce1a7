#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace weir::services {

// An account of this machine.
struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

std::optional<User> find_user(const std::string& name);
std::optional<User> find_user(uid_t uid);

}  // namespace weir::services
