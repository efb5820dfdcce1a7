#include "mongo_server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.hpp"

namespace weir::testing {

MongoServer::MongoServer() {
  if (const auto* url = std::getenv("WEIR_TEST_MONGODB_URL"); url != nullptr && *url != '\0') {
    url_ = url;
    return;
  }
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor reading{ends[0]};
  Descriptor writing{ends[1]};
  services::ProcessSpec spec;
  spec.program = WEIR_SOURCE_DIR "/tools/mongodb/serve";
  spec.folder = WEIR_SOURCE_DIR;
  spec.stdout_fd = writing.get();
  auto process = services::Process::spawn(spec);
  if (!process.ok()) return;
  process_.emplace(std::move(*process));
  writing.reset();
  // Its first line is its URL.
  char letter = 0;
  while (::read(reading.get(), &letter, 1) == 1 && letter != '\n') url_ += letter;
}

}  // namespace weir::testing
