#pragma once

#include <mongoc/mongoc.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/setting.hpp"

namespace weir::mongodb {

// Where a connection leads: a parsed connection string (MongoDB's Connection String Specification), never printed.
class Address {
 public:
  const mongoc_uri_t* uri() const { return uri_.get(); }
  const std::string& database() const { return database_; }
  // "support at db1:27017, db2:27017": without the user and the password.
  std::string text() const;
  std::chrono::milliseconds connect_timeout() const { return connect_timeout_; }

 private:
  friend Result<std::shared_ptr<const Address>> address_from(const Settings& settings);
  struct Destroy {
    void operator()(mongoc_uri_t* uri) const { mongoc_uri_destroy(uri); }
  };
  std::unique_ptr<mongoc_uri_t, Destroy> uri_;
  std::string database_;
  std::chrono::milliseconds connect_timeout_{};
};

// The keys of a connection that say where it leads.
std::vector<Setting> address_settings();
// InvalidProject without repeating any part of the url.
Result<std::shared_ptr<const Address>> address_from(const Settings& settings);

}  // namespace weir::mongodb
