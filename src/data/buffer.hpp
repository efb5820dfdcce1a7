#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace weir::data {

// Immutable bytes with shared ownership; a copy shares them. An empty buffer has size 0 and a null pointer.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::shared_ptr<const std::byte> bytes, std::size_t size) : bytes_(std::move(bytes)), size_(size) {}

  const std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes_.get());
  }
  // Shares the same memory from `offset` on.
  Buffer slice(std::size_t offset, std::size_t size) const {
    return {std::shared_ptr<const std::byte>(bytes_, bytes_.get() + offset), size};
  }

 private:
  std::shared_ptr<const std::byte> bytes_;
  std::size_t size_ = 0;
};

// Growing bytes that become a Buffer without a copy. Memory is not zeroed. Not thread-safe.
class BufferBuilder {
 public:
  BufferBuilder() = default;
  BufferBuilder(BufferBuilder&& other) noexcept { *this = std::move(other); }
  BufferBuilder& operator=(BufferBuilder&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~BufferBuilder() { std::free(bytes_); }

  std::size_t size() const { return size_; }
  std::byte* data() { return bytes_; }
  const std::byte* data() const { return bytes_; }
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(bytes_);
  }

  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    if (capacity < capacity_ * 2) capacity = capacity_ * 2;
    capacity = (capacity + 63) & ~std::size_t{63};
    auto* bytes = static_cast<std::byte*>(std::realloc(bytes_, capacity));
    if (bytes == nullptr) throw std::bad_alloc{};
    bytes_ = bytes;
    capacity_ = capacity;
  }
  // Adds `count` bytes of unspecified content and returns their begin; valid until the next change.
  std::byte* extend(std::size_t count) {
    reserve(size_ + count);
    auto* begin = bytes_ + size_;
    size_ += count;
    return begin;
  }
  void resize(std::size_t size) {
    reserve(size);
    size_ = size;
  }
  void append(const void* bytes, std::size_t count) {
    if (count != 0) std::memcpy(extend(count), bytes, count);
  }
  template <typename T>
  void append_value(const T& value) {
    std::memcpy(extend(sizeof(T)), &value, sizeof(T));
  }
  void clear() { size_ = 0; }

  // Leaves the builder empty.
  Buffer finish() {
    auto size = std::exchange(size_, 0);
    capacity_ = 0;
    return {std::shared_ptr<const std::byte>(std::exchange(bytes_, nullptr),
                                             [](const std::byte* p) { std::free(const_cast<std::byte*>(p)); }),
            size};
  }

 private:
  std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace weir::data
