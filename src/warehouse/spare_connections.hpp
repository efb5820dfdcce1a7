#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "warehouse/chdb.hpp"

namespace weir::warehouse {

// Connections that are open and in their database before a request asks for one: opening one and USE cost as much as a
// small query. Spares are kept for the database that was asked for twice in a row. Thread-safe.
class SpareConnections {
 public:
  using Connect = std::function<Result<ChdbConnection>(const std::string& database)>;

  explicit SpareConnections(Connect connect);

  // A new connection in the database; a database that is not there is the engine's own error.
  Result<ChdbConnection> take(const std::string& database);

 private:
  void run(std::stop_token stop);

  const Connect connect_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string database_;  // of the last request, and of all spares
  std::vector<ChdbConnection> spares_;
  bool wanted_ = false;  // whether the thread shall make spares

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace weir::warehouse
