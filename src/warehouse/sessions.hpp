#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "warehouse/chdb.hpp"

namespace weir::warehouse {

// The connections that clients keep between requests by a session_id: their settings, database and temporary tables. One
// request of a session at a time; a session that is not used for its timeout is closed. Thread-safe.
class Sessions {
 public:
  struct Session {
    explicit Session(ChdbConnection made) : connection(std::move(made)) {}
    ChdbConnection connection;
    bool in_use = true;
    std::chrono::seconds timeout{};
    std::chrono::steady_clock::time_point expires;
  };

  // A session while a request uses it.
  class Lease {
   public:
    Lease(Sessions& sessions, std::string id, std::shared_ptr<Session> session)
        : sessions_(&sessions), id_(std::move(id)), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (session_) sessions_->give_back(*session_);
    }
    ChdbConnection& connection() { return session_->connection; }
    // Forgets the session: its connection can no longer be trusted.
    void drop();

   private:
    Sessions* sessions_;
    std::string id_;
    std::shared_ptr<Session> session_;
  };

  enum class Check { MayBeNew, MustExist };

  Sessions();

  // Native 372 for a session that must exist and does not, 373 for one that is in use.
  Result<Lease> acquire(const std::string& id, std::chrono::seconds timeout, Check check,
                        const std::function<Result<ChdbConnection>()>& connect);

 private:
  void give_back(Session& session);
  void run(std::stop_token stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;
  std::uint64_t generation_ = 0;  // counts sessions given back, which may be the next to expire
  std::jthread thread_;           // closes what has expired
};

}  // namespace weir::warehouse
