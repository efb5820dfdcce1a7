#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "connectors/postgres/connection.hpp"

namespace weir::postgres {

// Keeps a few idle sessions, since signing in costs more than most statements (scram: 5 ms). Thread-safe; shared by the
// leases, so that a lease may outlive the role that gave it.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  explicit ConnectionPool(Address address) : address_(std::move(address)) {}

  // A session that goes back to the pool when it is idle at the end, and is closed otherwise.
  class Lease {
   public:
    Lease(std::shared_ptr<ConnectionPool> pool, Connection connection)
        : pool_(std::move(pool)), connection_(std::move(connection)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) noexcept = default;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(connection_));
    }
    Connection& operator*() { return connection_; }
    Connection* operator->() { return &connection_; }

   private:
    std::shared_ptr<ConnectionPool> pool_;
    Connection connection_;
  };

  Result<Lease> take(std::stop_token stop);
  // A session of its own that never goes back: for what changes its state.
  Result<Connection> connect(std::stop_token stop) const { return Connection::open(address_, stop); }
  const Address& address() const { return address_; }

 private:
  void give_back(Connection connection);

  const Address address_;
  std::mutex mutex_;
  std::vector<Connection> idle_;  // guarded by mutex_
};

}  // namespace weir::postgres
