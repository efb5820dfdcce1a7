#include "warehouse/native_reframe.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "warehouse/native_type.hpp"

namespace weir::warehouse {
namespace {

using Layout = NativeType::Layout;

constexpr std::size_t kBufferBytes = 1 << 18;
constexpr std::size_t kStagedBytes = 1 << 16;

// Field 1 (is_overflows) false, field 2 (bucket_num) -1, end.
constexpr std::array kBlockInfo = {std::byte{1},    std::byte{0},    std::byte{2},    std::byte{0xff},
                                   std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0}};
constexpr std::array kNoCustomSerialization = {std::byte{0}};

// Layout of a LowCardinality column's index header (SerializationLowCardinality.cpp).
constexpr std::uint64_t kIndexTypeMask = 0xff;
constexpr std::uint64_t kGlobalDictionary = 1 << 8;
constexpr std::uint64_t kAdditionalKeys = 1 << 9;

Error broken(std::string_view what) {
  return Error::user(Code::InvalidData, "Not a block in the Native format: {}. (INCORRECT_DATA)", what)
      .native_code("117");
}

// Bytes on their way from a source to a sink, with others inserted between them. Passing is moving a position; the bytes are
// written in large pieces.
class Conveyor {
 public:
  Conveyor(net::ByteSource& in, net::ByteSink& out) : in_(in), out_(out), buffer_(kBufferBytes) {}

  // Whether there is another byte.
  Result<bool> more() {
    if (position_ < end_) return true;
    WEIR_TRY(refill());
    return position_ < end_;
  }

  Result<void> pass(std::uint64_t count) {
    while (count > end_ - position_) {
      count -= end_ - position_;
      position_ = end_;
      if (!WEIR_TRY(more())) return broken("it ends early");
    }
    position_ += count;
    return {};
  }

  Result<std::byte> pass_byte() {
    if (!WEIR_TRY(more())) return broken("it ends early");
    return buffer_[position_++];
  }

  Result<std::uint64_t> pass_varuint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(WEIR_TRY(pass_byte()));
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return broken("a number has no end");
  }

  Result<std::uint64_t> pass_uint64() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 8) {
      value |= std::to_integer<std::uint64_t>(WEIR_TRY(pass_byte())) << shift;
    }
    return value;
  }

  Result<std::string> pass_string() {
    const auto size = WEIR_TRY(pass_varuint());
    if (size > kBufferBytes) return broken("a name is too long");
    std::string text;
    for (auto left = size; left > 0; --left) text += static_cast<char>(WEIR_TRY(pass_byte()));
    return text;
  }

  // `count` strings: the one loop that runs once a value.
  Result<void> pass_strings(std::uint64_t count) {
    while (count > 0) {
      // One-byte lengths within the buffer need no function call.
      while (count > 0 && position_ < end_) {
        const auto size = std::to_integer<std::size_t>(buffer_[position_]);
        if (size >= 0x80 || size >= end_ - position_) break;
        position_ += 1 + size;
        --count;
      }
      if (count == 0) break;
      WEIR_TRY(pass(WEIR_TRY(pass_varuint())));
      --count;
    }
    return {};
  }

  Result<void> insert(std::span<const std::byte> bytes) {
    WEIR_TRY(emit_passed());
    return emit(bytes);
  }

  Result<void> flush() {
    WEIR_TRY(emit_passed());
    return write_staged();
  }

 private:
  Result<void> refill() {
    WEIR_TRY(emit_passed());
    passed_ = position_ = 0;
    end_ = 0;
    end_ = WEIR_TRY(in_.read(buffer_));
    return {};
  }
  Result<void> emit_passed() {
    WEIR_TRY(emit(std::span(buffer_).subspan(passed_, position_ - passed_)));
    passed_ = position_;
    return {};
  }
  Result<void> emit(std::span<const std::byte> bytes) {
    if (staged_.size() + bytes.size() > kStagedBytes) WEIR_TRY(write_staged());
    if (bytes.size() > kStagedBytes) return out_.write(bytes);
    staged_.insert(staged_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Result<void> write_staged() {
    if (staged_.empty()) return {};
    WEIR_TRY(out_.write(staged_));
    staged_.clear();
    return {};
  }

  net::ByteSource& in_;
  net::ByteSink& out_;
  std::vector<std::byte> buffer_;
  std::size_t passed_ = 0;    // of the buffer: emitted up to here
  std::size_t position_ = 0;  // read up to here
  std::size_t end_ = 0;
  std::vector<std::byte> staged_;  // small pieces, so that each does not become a write of its own
};

class Reframer {
 public:
  Reframer(net::ByteSource& in, net::ByteSink& out) : conveyor_(in, out) {}

  Result<void> run() {
    while (WEIR_TRY(conveyor_.more())) WEIR_TRY(block());
    return conveyor_.flush();
  }

 private:
  Result<void> block() {
    WEIR_TRY(conveyor_.insert(kBlockInfo));
    const auto columns = WEIR_TRY(conveyor_.pass_varuint());
    const auto rows = WEIR_TRY(conveyor_.pass_varuint());
    for (std::uint64_t i = 0; i < columns; ++i) {
      WEIR_TRY(conveyor_.pass_string());
      const auto type = WEIR_TRY(parse_native_type(WEIR_TRY(conveyor_.pass_string())));
      WEIR_TRY(conveyor_.insert(kNoCustomSerialization));
      if (rows == 0) continue;
      WEIR_TRY(prefix(type));
      WEIR_TRY(values(type, rows));
    }
    return {};
  }

  // What stands before a column's values; that of nested types stands before all of them.
  Result<void> prefix(const NativeType& type) {
    if (type.layout == Layout::LowCardinality) return conveyor_.pass(8);  // the version of the keys
    if (type.layout == Layout::Variant && WEIR_TRY(conveyor_.pass_uint64()) != 0) {
      return broken("a Variant in compact mode");
    }
    for (const auto& child : type.children) WEIR_TRY(prefix(child));
    return {};
  }

  Result<void> values(const NativeType& type, std::uint64_t rows) {
    switch (type.layout) {
      case Layout::Fixed: return conveyor_.pass(rows * type.bytes);
      case Layout::String: return conveyor_.pass_strings(rows);
      case Layout::Nullable: WEIR_TRY(conveyor_.pass(rows)); return values(type.children[0], rows);
      case Layout::Array: return array(type.children[0], rows);
      case Layout::Tuple:
        for (const auto& child : type.children) WEIR_TRY(values(child, rows));
        return {};
      case Layout::LowCardinality: return low_cardinality(type.children[0], rows);
      case Layout::Variant: return variant(type, rows);
    }
    return {};
  }

  // The last end is the number of elements.
  Result<void> array(const NativeType& element, std::uint64_t rows) {
    if (rows == 0) return {};
    WEIR_TRY(conveyor_.pass((rows - 1) * 8));
    return values(element, WEIR_TRY(conveyor_.pass_uint64()));
  }

  Result<void> low_cardinality(const NativeType& type, std::uint64_t rows) {
    // The dictionary holds the plain type: its first key stands for NULL.
    const auto& key = type.layout == Layout::Nullable ? type.children[0] : type;
    for (std::uint64_t done = 0; done < rows;) {
      const auto header = WEIR_TRY(conveyor_.pass_uint64());
      const auto index_type = header & kIndexTypeMask;
      if (index_type > 3) return broken("an impossible index type");
      for (const auto keys : {kGlobalDictionary, kAdditionalKeys}) {
        if ((header & keys) != 0) WEIR_TRY(values(key, WEIR_TRY(conveyor_.pass_uint64())));
      }
      const auto indexes = WEIR_TRY(conveyor_.pass_uint64());
      if (indexes == 0 || indexes > rows - done) return broken("an impossible number of indexes");
      WEIR_TRY(conveyor_.pass(indexes << index_type));
      done += indexes;
    }
    return {};
  }

  Result<void> variant(const NativeType& type, std::uint64_t rows) {
    std::array<std::uint64_t, 256> counts{};
    for (std::uint64_t i = 0; i < rows; ++i) ++counts[std::to_integer<std::size_t>(WEIR_TRY(conveyor_.pass_byte()))];
    for (std::size_t i = 0; i < type.children.size(); ++i) WEIR_TRY(values(type.children[i], counts[i]));
    return {};
  }

  Conveyor conveyor_;
};

}  // namespace

Result<void> reframe_native(net::ByteSource& in, net::ByteSink& out) { return Reframer(in, out).run(); }

}  // namespace weir::warehouse
