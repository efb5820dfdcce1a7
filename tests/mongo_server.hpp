#pragma once

#include <optional>
#include <string>

#include "services/process.hpp"

namespace weir::testing {

// MongoDB for a test: that of WEIR_TEST_MONGODB_URL, else what stands in for it (tools/mongodb/serve), while this lives.
class MongoServer {
 public:
  MongoServer();
  // "" where there is none to be had.
  const std::string& url() const { return url_; }

 private:
  std::optional<services::Process> process_;
  std::string url_;
};

}  // namespace weir::testing
