#pragma once

#include <memory>

#include "base/log.hpp"
#include "connectors/mongodb/address.hpp"
#include "flow/sink.hpp"

namespace weir::mongodb {

// Rows become documents of a collection: see commits.hpp for how a load becomes visible.
std::unique_ptr<flow::Sink> make_sink(std::shared_ptr<const Address> address, Log& log);

}  // namespace weir::mongodb
