#include "documents/chosen_columns.hpp"

#include <numeric>

namespace weir::documents {
namespace {

Result<std::size_t> find_column(const data::Schema& schema, const std::string& name) {
  const auto found = schema.find(name);
  if (!found) return Error::user(Code::NotFound, "no such column: {}", name);
  return *found;
}

}  // namespace

Result<std::vector<std::size_t>> wanted_columns(const data::Schema& schema, const std::vector<std::string>& names) {
  std::vector<std::size_t> wanted;
  for (const auto& name : names) {
    auto found = find_column(schema, name);
    if (!found.ok()) return std::move(found).error().hint(fmt::format("there are: {}", schema.text()));
    wanted.push_back(*found);
  }
  if (!names.empty()) return wanted;
  wanted.resize(schema.fields.size());
  std::iota(wanted.begin(), wanted.end(), std::size_t{0});
  return wanted;
}

Result<data::Schema> chosen_columns(data::Schema schema, const std::vector<std::string>& names) {
  if (names.empty()) return schema;
  data::Schema chosen;
  for (const auto& name : names) chosen.fields.push_back(schema.fields[WEIR_TRY(find_column(schema, name))]);
  return chosen;
}

}  // namespace weir::documents
