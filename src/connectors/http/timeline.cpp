#include "connectors/http/timeline.hpp"

#include <condition_variable>
#include <mutex>
#include <random>

namespace weir::http {
namespace {

class RealTimeline final : public Timeline {
 public:
  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  Instant wall_clock() const override { return system_clock().now(); }
  double random() override {
    const std::lock_guard lock(mutex_);
    return std::uniform_real_distribution<double>{0, 1}(generator_);
  }
  Result<void> wait_until(SteadyTime time, std::stop_token stop) override {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait_until(lock, stop, time, [] { return false; });
    if (stop.stop_requested()) return Error::cancelled();
    return {};
  }
  std::optional<SteadyTime> wake_at(SteadyTime time) const override { return time; }

 private:
  std::mutex mutex_;
  std::mt19937_64 generator_{std::random_device{}()};
};

}  // namespace

Timeline& real_timeline() {
  static RealTimeline timeline;
  return timeline;
}

}  // namespace weir::http
