#include "connectors/postgres/connection_pool.hpp"

namespace weir::postgres {
namespace {

constexpr std::size_t kIdleMax = 4;

}  // namespace

Result<ConnectionPool::Lease> ConnectionPool::take(std::stop_token stop) {
  while (true) {
    std::unique_lock lock{mutex_};
    if (idle_.empty()) break;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    lock.unlock();
    if (connection.alive()) return Lease{shared_from_this(), std::move(connection)};
  }
  return Lease{shared_from_this(), WEIR_TRY(Connection::open(address_, stop))};
}

void ConnectionPool::give_back(Connection connection) {
  if (!connection.idle()) return;
  const std::lock_guard lock{mutex_};
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(connection));
}

}  // namespace weir::postgres
