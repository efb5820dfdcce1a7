#include "connectors/mongodb/arrival.hpp"

namespace weir::mongodb {

void Arrival::learn(const documents::Shape& shape) {
  const std::lock_guard lock(mutex_);
  seen_.add(shape);
  lessons_.fetch_add(1, std::memory_order_release);
}

void Arrival::advance(std::size_t part, std::uint64_t bytes, std::uint64_t documents, Part state) {
  const std::lock_guard lock(mutex_);
  parts_[part] = {bytes, state};
  documents_ += documents;
  changed_.notify_all();
}

void Arrival::end(Result<Outcome> outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

Result<void> Arrival::wait_for(std::size_t part, std::uint64_t bytes, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto& state = parts_[part];
  const bool ready = changed_.wait(lock, stop, [&] {
    return state.bytes > bytes || state.state == Part::Complete || (outcome_ && !outcome_->ok());
  });
  if (!ready) return Error::cancelled();
  if (outcome_ && !outcome_->ok()) return Error{outcome_->error()};
  return {};
}

Result<Arrival::ShapePtr> Arrival::shape_after(std::uint64_t documents, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return documents_ >= documents || outcome_; })) return Error::cancelled();
  if (!outcome_) return std::make_shared<const documents::Shape>(seen_.clone());
  if (!outcome_->ok()) return Error{outcome_->error()};
  return std::make_shared<const documents::Shape>((*outcome_)->shape.clone());
}

Result<const Arrival::Outcome*> Arrival::outcome(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return outcome_.has_value(); })) return Error::cancelled();
  if (!outcome_->ok()) return Error{outcome_->error()};
  return &**outcome_;
}

const Arrival::Outcome* Arrival::outcome_so_far() const {
  const std::lock_guard lock(mutex_);
  return outcome_ && outcome_->ok() ? &**outcome_ : nullptr;
}

}  // namespace weir::mongodb
