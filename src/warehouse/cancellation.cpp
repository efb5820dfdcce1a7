#include "warehouse/cancellation.hpp"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "base/secret.hpp"

namespace weir::warehouse {
namespace {

// Between two attempts to kill the same statement.
constexpr std::chrono::milliseconds kPause{30};

}  // namespace

// The prefix is random, so that no client can write a text that another statement's kill would match.
Cancellation::Cancellation(std::function<void(const std::string&)> kill)
    : kill_(std::move(kill)),
      prefix_(generate_secret(12).reveal()),
      thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

Cancellation::~Cancellation() = default;

Cancellation::Watch::Watch(Cancellation& cancellation, std::stop_token stop)
    : cancellation_(cancellation), entry_([&] {
        const std::lock_guard lock(cancellation.mutex_);
        const auto tag = fmt::format("{}{:x}", cancellation.prefix_, ++cancellation.count_);
        return cancellation.running_.insert(cancellation.running_.end(), Entry{tag, false});
      }()) {
  on_stop_.emplace(std::move(stop), [this] { cancel(); });
}

Cancellation::Watch::~Watch() {
  on_stop_.reset();  // waits for a callback that runs, so that none sees the entry go
  const std::lock_guard lock(cancellation_.mutex_);
  cancellation_.running_.erase(entry_);
}

bool Cancellation::Watch::cancelled() const {
  const std::lock_guard lock(cancellation_.mutex_);
  return entry_->requested;
}

void Cancellation::request(Watch::Entry& entry) {
  const std::lock_guard lock(mutex_);
  entry.requested = true;
  changed_.notify_all();
}

void Cancellation::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    std::vector<std::string> tags;
    for (const auto& entry : running_) {
      if (entry.requested) tags.push_back(entry.tag);
    }
    if (tags.empty()) {
      changed_.wait(lock, stop, [this] {
        for (const auto& entry : running_) {
          if (entry.requested) return true;
        }
        return false;
      });
      continue;
    }
    lock.unlock();
    for (const auto& tag : tags) kill_(tag);
    lock.lock();
    changed_.wait_for(lock, stop, kPause, [] { return false; });
  }
}

}  // namespace weir::warehouse
