#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/plan.hpp"

namespace weir::engine {

// What limits how many attempts run at once: all together, the slots of pools, each task's own `concurrency`.
class Slots {
 public:
  explicit Slots(std::size_t total) : total_(total) {}

  void set_pools(std::map<std::string, int> slots) { pools_ = std::move(slots); }
  // Why the step cannot start now; nothing when it can.
  std::optional<std::string> lack(const std::string& pipeline, const Step& step) const;
  void take(const std::string& pipeline, const Step& step);
  void give_back(const std::string& pipeline, const Step& step);
  std::size_t taken() const { return taken_; }
  bool is_full() const { return taken_ >= total_; }

 private:
  int slots_of(const std::string& pool) const;

  std::size_t total_;
  std::size_t taken_ = 0;
  std::map<std::string, int> pools_;
  std::map<std::string, int> taken_of_pool_;
  std::map<std::string, int> taken_of_task_;  // by "pipeline/task"
};

}  // namespace weir::engine
