#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::models {

// An ephemeral model as a common table expression of those that refer to it.
struct Cte {
  std::string name;
  std::string select;
};

// The name by which a query refers to an ephemeral model; dbt's own, since people search logs for it.
std::string cte_name(std::string_view model);

// Puts the expressions in front of a select, joining a WITH that it already has.
std::string with_ctes(std::string_view select, const std::vector<Cte>& ctes);

}  // namespace weir::models
