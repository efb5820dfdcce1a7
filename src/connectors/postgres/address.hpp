#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/setting.hpp"

namespace weir::postgres {

// How to reach a server: libpq's connection keywords (PostgreSQL manual 34.1.2) without the password.
struct Address {
  std::vector<std::pair<std::string, std::string>> keywords;
  Secret password;
  std::chrono::milliseconds connect_timeout{10'000};

  std::string keyword(const std::string& name) const;  // "" when it is not set
  void set(const std::string& name, std::string value);
  // "shop at db.example.com:5432": for messages.
  std::string text() const;
};

// The keys of a connection of type postgres in weir.yml.
std::vector<Setting> connection_settings();

// A url's parts, overridden by the single keys. InvalidProject when the url is malformed; its text is never repeated.
Result<Address> address_from(const Settings& settings);

}  // namespace weir::postgres
