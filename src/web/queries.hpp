#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/result.hpp"

namespace weir::web {

// The statements of the SQL console that run now, so that others of their user's requests can stop them. Thread-safe.
class Queries {
 public:
  // One running statement; leaves the list when it goes.
  class Running {
   public:
    Running(Queries& queries, std::string id, std::stop_token client);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    const std::string& id() const { return id_; }
    // Requested by cancel() or when the client has gone.
    std::stop_token stop() const { return source_.get_token(); }

   private:
    friend class Queries;
    Queries& queries_;
    const std::string id_;
    std::stop_source source_;
    struct Request {
      std::stop_source source;
      void operator()() { source.request_stop(); }
    };
    std::stop_callback<Request> client_gone_;
  };

  // AlreadyExists when the user's own id is taken; "" makes one. Conflict beyond 8 statements of one user.
  Result<std::unique_ptr<Running>> begin(const std::string& user, const std::string& id, std::stop_token client);
  // NotFound when no such statement of the user runs.
  Result<void> cancel(const std::string& user, const std::string& id);

 private:
  struct Entry {
    std::string user;
    Running* running = nullptr;
  };
  void end(const std::string& id);

  std::mutex mutex_;
  std::map<std::string, Entry> running_;
};

}  // namespace weir::web
