#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/connections.hpp"
#include "engine/event_loop.hpp"

namespace weir::engine {

// Resolves the connections of a run: at once where nothing has to be started, else in the background, so that databases
// start while the first tasks already work. Belongs to the loop's thread.
class ConnectionOpener {
 public:
  // `changed` is called on the loop's thread when one more is resolved.
  ConnectionOpener(const Connections& connections, EventLoop& loop, std::function<Result<void>()> changed);

  // Starts resolving, again before a retry, when the service may have died.
  void resolve(const std::string& name);
  // Nothing while it is still being resolved; a name that is asked for first begins to be.
  std::optional<Result<flow::Connection>> find(const std::string& name);

 private:
  // What the threads share with us.
  struct Shared {
    std::mutex mutex;
    std::map<std::string, Result<flow::Connection>> results;
  };

  const Connections& connections_;
  EventLoop& loop_;
  std::function<Result<void>()> changed_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::set<std::string> asked_;
  std::vector<std::jthread> threads_;
};

}  // namespace weir::engine
