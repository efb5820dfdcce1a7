#include "engine/connection_opener.hpp"

#include <utility>

namespace weir::engine {

ConnectionOpener::ConnectionOpener(const Connections& connections, EventLoop& loop,
                                   std::function<Result<void>()> changed)
    : connections_(connections), loop_(loop), changed_(std::move(changed)) {}

void ConnectionOpener::resolve(const std::string& name) {
  asked_.insert(name);
  if (!connections_.is_managed(name)) {
    auto result = connections_.resolve(name, {});
    const std::lock_guard lock(shared_->mutex);
    shared_->results.insert_or_assign(name, std::move(result));
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->results.erase(name);
  }
  threads_.emplace_back(
      [&connections = connections_, &loop = loop_, shared = shared_, changed = changed_, name](std::stop_token stop) {
        auto result = connections.resolve(name, std::move(stop));
        {
          const std::lock_guard lock(shared->mutex);
          shared->results.insert_or_assign(name, std::move(result));
        }
        loop.post(changed);
      });
}

std::optional<Result<flow::Connection>> ConnectionOpener::find(const std::string& name) {
  if (!asked_.contains(name)) resolve(name);
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->results.find(name);
  if (found == shared_->results.end()) return std::nullopt;
  return found->second;
}

}  // namespace weir::engine
