#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "documents/shape.hpp"

namespace weir::mongodb {

// Documents on their way to disk, in parts: those who bring them say how far each part is and what it showed, those who
// read wait for more. What was learned is told before the bytes that taught it. Thread-safe.
class Arrival {
 public:
  // What is known once all documents are there.
  struct Outcome {
    documents::Shape shape;
    Json until;  // what the next run begins with, besides the shape; null: it reads all again
    std::uint64_t documents = 0;
    std::uint64_t rejected = 0;
  };
  using ShapePtr = std::shared_ptr<const documents::Shape>;

  Arrival(std::size_t parts, documents::Shape known) : parts_(parts), seen_(std::move(known)) {}

  void learn(const documents::Shape& shape);
  enum class Part { GoesOn, Complete };
  // `bytes` of the part are on disk, `documents` more have been looked at.
  void advance(std::size_t part, std::uint64_t bytes, std::uint64_t documents, Part state);
  void end(Result<Outcome> outcome);

  // Returns when the part has more bytes than these or is complete; the error with which the arrival ended instead.
  Result<void> wait_for(std::size_t part, std::uint64_t bytes, std::stop_token stop);
  // What all documents so far showed, as soon as there are this many, or all.
  Result<ShapePtr> shape_after(std::uint64_t documents, std::stop_token stop);
  // Waits for the end.
  Result<const Outcome*> outcome(std::stop_token stop);
  // Nothing while documents arrive, or when they did not.
  const Outcome* outcome_so_far() const;
  // Changes whenever something was learned.
  std::uint64_t lessons() const { return lessons_.load(std::memory_order_acquire); }

 private:
  struct PartState {
    std::uint64_t bytes = 0;
    Part state = Part::GoesOn;
  };

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<PartState> parts_;
  documents::Shape seen_;
  std::uint64_t documents_ = 0;
  std::optional<Result<Outcome>> outcome_;
  std::atomic<std::uint64_t> lessons_ = 0;
};

}  // namespace weir::mongodb
