#include "engine/slots.hpp"

#include <fmt/format.h>

namespace weir::engine {
namespace {

std::string task_key(const std::string& pipeline, const Step& step) { return pipeline + "/" + step.task; }

int count_of(const std::map<std::string, int>& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

int Slots::slots_of(const std::string& pool) const {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? 1 : found->second;
}

std::optional<std::string> Slots::lack(const std::string& pipeline, const Step& step) const {
  if (is_full()) return fmt::format("all {} attempts that may run at once are running", total_);
  if (!step.pool.empty() && count_of(taken_of_pool_, step.pool) >= slots_of(step.pool))
    return fmt::format("waits for pool {}: its slots are taken, {} of them", step.pool, slots_of(step.pool));
  if (step.concurrency > 0 && count_of(taken_of_task_, task_key(pipeline, step)) >= step.concurrency)
    return fmt::format("waits for other attempts of task {}: it runs {} at once", step.task, step.concurrency);
  return std::nullopt;
}

void Slots::take(const std::string& pipeline, const Step& step) {
  ++taken_;
  if (!step.pool.empty()) ++taken_of_pool_[step.pool];
  if (step.concurrency > 0) ++taken_of_task_[task_key(pipeline, step)];
}

void Slots::give_back(const std::string& pipeline, const Step& step) {
  --taken_;
  if (!step.pool.empty()) --taken_of_pool_[step.pool];
  if (step.concurrency > 0 && --taken_of_task_[task_key(pipeline, step)] == 0)
    taken_of_task_.erase(task_key(pipeline, step));
}

}  // namespace weir::engine
