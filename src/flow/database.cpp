#include "flow/database.hpp"

namespace weir::flow {

Relation parse_relation(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return {"", std::string{text}};
  return {std::string{text.substr(0, dot)}, std::string{text.substr(dot + 1)}};
}

Result<std::vector<data::Batch>> select_all(Database& database, std::string_view sql, std::stop_token stop) {
  auto reader = WEIR_TRY(database.select(sql, {}, stop));
  std::vector<data::Batch> batches;
  while (auto delivery = WEIR_TRY(reader->next(stop))) batches.push_back(std::move(delivery->batch));
  return batches;
}

}  // namespace weir::flow
