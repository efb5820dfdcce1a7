#include "engine/endpoint.hpp"

#include "engine/connections.hpp"

namespace weir::engine {

project::Endpoint find_endpoint(const WorkOrder& order, std::string_view text) {
  const auto dot = text.find('.');
  const std::string before{text.substr(0, dot)};
  if (dot != std::string_view::npos && order.connections.contains(before)) {
    return {before, std::string{text.substr(dot + 1)}};
  }
  return {std::string{kFilesConnection}, std::string{text}};
}

flow::WriteMode write_mode(std::string_view text) {
  if (text == "replace") return flow::WriteMode::Replace;
  return text == "merge" ? flow::WriteMode::Merge : flow::WriteMode::Append;
}

}  // namespace weir::engine
