#include "warehouse/admission.hpp"

namespace weir::warehouse {

Result<Admission::Place> Admission::enter(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (waiting_.empty() && running_ < running_max_) {
    ++running_;
    return Place(*this);
  }
  if (static_cast<int>(waiting_.size()) >= waiting_max_) {
    return Error::external(Code::ResourceExhausted,
                           "Too many simultaneous queries: {} run and {} wait. (TOO_MANY_SIMULTANEOUS_QUERIES)",
                           running_, waiting_.size())
        .native_code("202");
  }
  const auto ticket = waiting_.insert(waiting_.end(), 0);
  const bool admitted =
      changed_.wait(lock, stop, [&] { return ticket == waiting_.begin() && running_ < running_max_; });
  waiting_.erase(ticket);
  changed_.notify_all();
  if (!admitted) return Error::cancelled();
  ++running_;
  return Place(*this);
}

void Admission::leave() {
  const std::lock_guard lock(mutex_);
  --running_;
  changed_.notify_all();
}

}  // namespace weir::warehouse
