#pragma once

#include <string>

#include "base/json.hpp"
#include "base/secret.hpp"

namespace weir::flow {

// How dbt reaches the system of a connection: an output of dbt's profiles.yml
// (https://docs.getdbt.com/docs/core/connect-data-platform/profiles.yml).
struct DbtOutput {
  std::string adapter;           // `type`; the Python package is dbt-<adapter>
  Json fields = Json::object();  // the output's further keys, without the password
  Secret password;
};

}  // namespace weir::flow
