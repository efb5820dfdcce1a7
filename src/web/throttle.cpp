#include "web/throttle.hpp"

#include <algorithm>

namespace weir::web {
namespace {

constexpr int kTriesOfName = 5;
constexpr int kTriesOfAddress = 20;  // an office may share one
constexpr std::chrono::seconds kWaitMax{15 * 60};
constexpr std::chrono::hours kForgottenAfter{1};
constexpr std::size_t kKeysMax = 10'000;

std::string name_key(const std::string& name) { return "name " + name; }
std::string address_key(const std::string& address) { return "address " + address; }

}  // namespace

std::optional<std::chrono::seconds> Throttle::wait_for(const std::string& name, const std::string& address) {
  const std::lock_guard guard(mutex_);
  const auto now = clock_.now();
  std::optional<std::chrono::seconds> longest;
  for (const auto& key : {name_key(name), address_key(address)}) {
    const auto found = failures_.find(key);
    if (found == failures_.end() || found->second.free_at <= now) continue;
    const auto left = std::chrono::ceil<std::chrono::seconds>(found->second.free_at - now);
    if (!longest || left > *longest) longest = left;
  }
  return longest;
}

void Throttle::failed(const std::string& name, const std::string& address) {
  const std::lock_guard guard(mutex_);
  forget_old();
  note(name_key(name), kTriesOfName);
  note(address_key(address), kTriesOfAddress);
}

void Throttle::succeeded(const std::string& name) {
  const std::lock_guard guard(mutex_);
  failures_.erase(name_key(name));
}

void Throttle::note(const std::string& key, int free_tries) {
  auto& failures = failures_[key];
  failures.last = clock_.now();
  if (++failures.count < free_tries) return;
  const auto doublings = std::min(failures.count - free_tries, 10);
  failures.free_at = clock_.now() + std::min(std::chrono::seconds{1 << doublings}, kWaitMax);
}

void Throttle::forget_old() {
  const auto now = clock_.now();
  std::erase_if(failures_, [&](const auto& entry) { return now - entry.second.last > kForgottenAfter; });
  // Names that an attacker makes up must not fill the memory; those that wait the shortest go.
  while (failures_.size() > kKeysMax) {
    failures_.erase(std::ranges::min_element(failures_, {}, [](const auto& entry) { return entry.second.free_at; }));
  }
}

}  // namespace weir::web
