#include "flow/connector.hpp"

#include <algorithm>
#include <utility>

namespace weir::flow {

Registry::Registry(std::vector<Connector> connectors) : connectors_(std::move(connectors)) {}

const Connector* Registry::find(std::string_view type) const {
  const auto found = std::ranges::find(connectors_, type, &Connector::name);
  return found == connectors_.end() ? nullptr : &*found;
}

}  // namespace weir::flow
