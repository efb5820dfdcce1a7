#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <stop_token>
#include <utility>

#include "base/result.hpp"

namespace weir::warehouse {

// Bounds how many statements run at once (the engine has no limit of its own): the others wait in the order in which they
// came, and when too many wait already, the next is refused.
class Admission {
 public:
  Admission(int running_max, int waiting_max) : running_max_(running_max), waiting_max_(waiting_max) {}

  // A place among the running; given back when it is destroyed.
  class Place {
   public:
    explicit Place(Admission& admission) : admission_(&admission) {}
    Place(Place&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (admission_ != nullptr) admission_->leave();
    }

   private:
    Admission* admission_;
  };

  // Waits for a place. ResourceExhausted (native 202) when the queue is full, Cancelled when `stop` is requested.
  Result<Place> enter(std::stop_token stop);

 private:
  void leave();

  const int running_max_;
  const int waiting_max_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int running_ = 0;
  std::list<char> waiting_;  // one element each, in the order in which they came; what it holds means nothing
};

}  // namespace weir::warehouse
