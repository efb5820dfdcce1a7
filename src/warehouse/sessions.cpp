#include "warehouse/sessions.hpp"

#include <vector>

namespace weir::warehouse {

Sessions::Sessions() : thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

Result<Sessions::Lease> Sessions::acquire(const std::string& id, std::chrono::seconds timeout, Check check,
                                          const std::function<Result<ChdbConnection>()>& connect) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  auto found = sessions_.find(id);
  if (found != sessions_.end() && !found->second->in_use && found->second->expires <= now) {
    sessions_.erase(found);
    found = sessions_.end();
  }
  if (found == sessions_.end()) {
    if (check == Check::MustExist) {
      return Error::user(Code::NotFound, "Session {} not found. (SESSION_NOT_FOUND)", id).native_code("372");
    }
    auto connection = WEIR_TRY(connect());
    found = sessions_.emplace(id, std::make_shared<Session>(std::move(connection))).first;
  } else if (found->second->in_use) {
    return Error::user(Code::Conflict, "Session {} is locked by a concurrent client. (SESSION_IS_LOCKED)", id)
        .native_code("373");
  }
  auto& session = found->second;
  session->in_use = true;
  session->timeout = timeout;
  return Lease(*this, id, session);
}

void Sessions::Lease::drop() {
  const std::lock_guard lock(sessions_->mutex_);
  sessions_->sessions_.erase(id_);
}

void Sessions::give_back(Session& session) {
  const std::lock_guard lock(mutex_);
  session.in_use = false;
  session.expires = std::chrono::steady_clock::now() + session.timeout;
  ++generation_;
  changed_.notify_all();
}

void Sessions::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    auto next = std::chrono::steady_clock::time_point::max();
    std::vector<std::shared_ptr<Session>> expired;
    for (auto entry = sessions_.begin(); entry != sessions_.end();) {
      const auto& session = *entry->second;
      if (!session.in_use && session.expires <= now) {
        expired.push_back(std::move(entry->second));
        entry = sessions_.erase(entry);
        continue;
      }
      if (!session.in_use) next = std::min(next, session.expires);
      ++entry;
    }
    if (!expired.empty()) {
      lock.unlock();
      expired.clear();  // closing a connection drops its temporary tables: not under the lock
      lock.lock();
      continue;
    }
    const auto seen = generation_;
    const auto changed = [&] { return generation_ != seen; };
    if (next == std::chrono::steady_clock::time_point::max()) {
      changed_.wait(lock, stop, changed);
    } else {
      changed_.wait_until(lock, stop, next, changed);
    }
  }
}

}  // namespace weir::warehouse
