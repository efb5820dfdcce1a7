#include "connectors/mongodb/document_queue.hpp"

#include "connectors/mongodb/bson_reader.hpp"

namespace weir::mongodb {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
constexpr std::size_t kQueuedBytesMax = 4 * kBlockBytes;

}  // namespace

bool DocumentQueue::add(BsonBytes document) {
  filling_.append(reinterpret_cast<const char*>(document.data()), document.size());
  return filling_.size() < kBlockBytes || hand_over();
}

bool DocumentQueue::hand_over() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queued_bytes_ < kQueuedBytesMax || is_given_up_; });
  if (is_given_up_) return false;
  queued_bytes_ += filling_.size();
  blocks_.push_back(std::exchange(filling_, std::exchange(spare_, {})));
  filling_.clear();
  changed_.notify_all();
  return true;
}

void DocumentQueue::end(std::optional<Error> error) {
  if (!filling_.empty()) hand_over();
  const std::lock_guard lock(mutex_);
  is_ended_ = true;
  error_ = std::move(error);
  changed_.notify_all();
}

Result<std::optional<BsonBytes>> DocumentQueue::next() {
  if (at_ == taken_.size()) {
    std::unique_lock lock(mutex_);
    if (taken_.capacity() < kQueuedBytesMax) spare_ = std::move(taken_);
    taken_ = {};
    at_ = 0;
    changed_.wait(lock, [&] { return !blocks_.empty() || is_ended_; });
    if (blocks_.empty()) {
      if (error_) return std::move(*error_);
      return std::optional<BsonBytes>{};
    }
    taken_ = std::move(blocks_.front());
    blocks_.pop_front();
    queued_bytes_ -= taken_.size();
    changed_.notify_all();
  }
  // libmongoc has split them by these lengths.
  const auto* begin = reinterpret_cast<const std::uint8_t*>(taken_.data()) + at_;
  const auto size = static_cast<std::size_t>(read_int32(begin));
  at_ += size;
  return std::optional{BsonBytes{begin, size}};
}

void DocumentQueue::give_up() {
  const std::lock_guard lock(mutex_);
  is_given_up_ = true;
  changed_.notify_all();
}

}  // namespace weir::mongodb
