#pragma once

#include <string>
#include <string_view>

#include "flow/dbt_output.hpp"

namespace weir::dbt {

inline constexpr std::string_view kProfileName = "weir";
// The variable that holds the password. dbt blanks the values of variables with this prefix out of its own logs and
// gives them to profiles.yml only (https://docs.getdbt.com/reference/dbt-jinja-functions/env_var).
inline constexpr std::string_view kPasswordVariable = "DBT_ENV_SECRET_WEIR_PASSWORD";

// The text of a profiles.yml with one output, called like the target; the password is env_var(kPasswordVariable). It is
// JSON, which is YAML as well and needs no quoting rules of its own.
std::string profile_text(const flow::DbtOutput& output, const std::string& target, int threads);

}  // namespace weir::dbt
