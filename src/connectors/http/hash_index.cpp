#include "connectors/http/hash_index.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::http {
namespace {

constexpr std::uint64_t kFirstSlots = 16;
constexpr std::uint64_t kFileGrowth = 4;  // moving a file is slow

}  // namespace

Result<std::size_t> HashIndex::read(std::uint64_t at, std::span<Slot> slots) const {
  if (!file_) {
    const auto count = std::min<std::uint64_t>(slots.size(), slots_ - at);
    std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(at), count, slots.begin());
    return count;
  }
  const auto bytes = WEIR_TRY(file_->read(at * sizeof(Slot), std::as_writable_bytes(slots)));
  // Where nothing was written yet, the file may end early.
  const auto count = bytes / sizeof(Slot);
  std::ranges::fill(slots.subspan(count), Slot{});
  return std::min<std::uint64_t>(slots.size(), slots_ - at);
}

Result<void> HashIndex::write(std::uint64_t at, const Slot& slot) {
  if (file_) return file_->write(at * sizeof(Slot), std::as_bytes(std::span{&slot, 1}));
  memory_[at] = slot;
  return {};
}

Result<HashIndex::Found> HashIndex::locate(const net::Hash128& hash) const {
  std::array<Slot, 8> some;
  for (auto at = hash.low & (slots_ - 1);;) {
    const auto count = WEIR_TRY(read(at, some));
    for (std::size_t i = 0; i < count; ++i) {
      if (some[i].is_taken == 0 || some[i].hash == hash) return Found{at + i, some[i]};
    }
    at = (at + count) & (slots_ - 1);
  }
}

Result<std::optional<HashIndex::Place>> HashIndex::find(const net::Hash128& hash) const {
  if (slots_ == 0) return std::optional<Place>{};
  const auto found = WEIR_TRY(locate(hash));
  if (found.slot.is_taken == 0) return std::optional<Place>{};
  return std::optional{Place{found.slot.begin, found.slot.size}};
}

Result<bool> HashIndex::put(const net::Hash128& hash, Place place) {
  if (taken_ >= slots_ / 4 * 3) WEIR_TRY(grow());
  const auto found = WEIR_TRY(locate(hash));
  WEIR_TRY(write(found.at, {hash, place.begin, place.size, 1}));
  const bool is_new = found.slot.is_taken == 0;
  taken_ += is_new ? 1 : 0;
  return is_new;
}

Result<void> HashIndex::grow() {
  HashIndex larger{scratch_, memory_slots_};
  larger.slots_ = slots_ == 0 ? kFirstSlots : slots_ * (file_ ? kFileGrowth : 2);
  if (larger.slots_ <= memory_slots_) {
    larger.memory_.resize(larger.slots_);
  } else {
    larger.slots_ = std::max(larger.slots_, memory_slots_ * kFileGrowth);
    larger.file_ = WEIR_TRY(ScratchFile::create(scratch_));
  }
  std::vector<Slot> some(std::min<std::uint64_t>(slots_, 2048));
  for (std::uint64_t at = 0; at < slots_;) {
    const auto count = WEIR_TRY(read(at, some));
    for (std::size_t i = 0; i < count; ++i) {
      if (some[i].is_taken != 0) WEIR_TRY(larger.write(WEIR_TRY(larger.locate(some[i].hash)).at, some[i]));
    }
    at += count;
  }
  slots_ = larger.slots_;
  memory_ = std::move(larger.memory_);
  file_ = std::move(larger.file_);
  return {};
}

}  // namespace weir::http
