#pragma once

#include <string>
#include <vector>

#include "program.hpp"
#include "services/service.hpp"

namespace weir::bench {

// psql that runs the commands one after another and ends at the first that fails; the password is in its environment.
Program psql(const services::ServiceAddress& address, const std::vector<std::string>& commands);

}  // namespace weir::bench
