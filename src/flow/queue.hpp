#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "data/batch.hpp"

namespace weir::flow {

// Batches between one reading and one writing thread, bounded by the memory that they occupy. One batch is always let in,
// so a batch larger than the budget passes through alone.
class BatchQueue {
 public:
  explicit BatchQueue(std::uint64_t memory_bytes_max) : memory_bytes_max_(memory_bytes_max) {}

  // Waits for room. False when a stop was requested or the reader of the queue gave up.
  bool push(data::Batch batch, std::stop_token stop) {
    const auto bytes = batch.memory_bytes();
    std::unique_lock lock(mutex_);
    const bool woken = changed_.wait(
        lock, stop, [&] { return closed_ || waiting_.empty() || memory_bytes_ + bytes <= memory_bytes_max_; });
    if (!woken || closed_) return false;
    memory_bytes_ += bytes;
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }

  // Waits for a batch. Nothing after finish() and the last batch, or when a stop was requested.
  std::optional<data::Batch> pop(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return closed_ || !waiting_.empty(); }) || waiting_.empty())
      return std::nullopt;
    auto batch = std::move(waiting_.front());
    waiting_.pop_front();
    memory_bytes_ -= batch.memory_bytes();
    changed_.notify_all();
    return batch;
  }

  // No batch follows: from either end.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  const std::uint64_t memory_bytes_max_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::deque<data::Batch> waiting_;
  std::uint64_t memory_bytes_ = 0;
  bool closed_ = false;
};

}  // namespace weir::flow
