#include "warehouse/spare_connections.hpp"

#include <utility>

namespace weir::warehouse {
namespace {

// Enough for a client that asks one small query after another, and for one beside it.
constexpr std::size_t kSparesMax = 2;

}  // namespace

SpareConnections::SpareConnections(Connect connect)
    : connect_(std::move(connect)), thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

Result<ChdbConnection> SpareConnections::take(const std::string& database) {
  std::vector<ChdbConnection> of_another;  // closed without the lock
  {
    const std::lock_guard lock(mutex_);
    if (database_ == database) {
      wanted_ = true;
      changed_.notify_one();
      if (!spares_.empty()) {
        auto spare = std::move(spares_.back());
        spares_.pop_back();
        return spare;
      }
    } else {
      wanted_ = false;
      database_ = database;
      std::swap(of_another, spares_);
    }
  }
  return connect_(database);
}

void SpareConnections::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return wanted_ && spares_.size() < kSparesMax; })) {
    const auto database = database_;
    lock.unlock();
    auto made = connect_(database);
    lock.lock();
    if (!made.ok()) {
      wanted_ = false;  // who asks next gets the error
    } else if (database == database_) {
      spares_.push_back(std::move(*made));
    }
  }
}

}  // namespace weir::warehouse
