#include "connectors/clickhouse/dictionary_decoder.hpp"

#include <climits>
#include <cstring>

namespace weir::clickhouse {
namespace {

constexpr std::uint64_t kVersion = 1;       // SharedDictionariesWithAdditionalKeys
constexpr std::uint64_t kWidthMask = 0xFF;  // 0..3: indexes of 1, 2, 4, 8 bytes
constexpr std::uint64_t kGlobalDictionary = 1U << 8;
constexpr std::uint64_t kAdditionalKeys = 1U << 9;

Error broken(std::string_view what) {
  return Error::external(Code::InvalidData, "the server's answer is not in Native format: LowCardinality with {}", what)
      .retry(Retry::Reconnect);
}

std::uint64_t index_at(const std::byte* indexes, std::size_t width, std::size_t row) {
  std::uint64_t index = 0;
  std::memcpy(&index, indexes + row * width, width);
  return index;
}

class DictionaryDecoder final : public ColumnDecoder {
 public:
  enum class NullKey { None, First };  // where the first key stands for NULL

  DictionaryDecoder(const data::Type& type, NullKey null_key, std::unique_ptr<ColumnDecoder> keys)
      : null_key_(null_key), keys_(std::move(keys)), values_(type) {}

  Result<void> read_prefix(NativeInput& input) override {
    if (WEIR_TRY(input.value<std::uint64_t>()) != kVersion) return broken("an unknown version");
    return {};
  }

  Result<void> read(NativeInput& input, std::size_t rows) override {
    while (rows != 0) {
      const auto flags = WEIR_TRY(input.value<std::uint64_t>());
      if ((flags & kGlobalDictionary) != 0 || (flags & kAdditionalKeys) == 0 || (flags & kWidthMask) > 3) {
        return broken("a shared dictionary");
      }
      const auto key_count = WEIR_TRY(input.value<std::uint64_t>());
      if (key_count > INT_MAX) return broken("too many keys");
      WEIR_TRY(keys_->read(input, key_count));
      const auto keys = keys_->finish();
      const auto count = WEIR_TRY(input.value<std::uint64_t>());
      if (count == 0 || count > rows) return broken("more rows than the block");
      WEIR_TRY(read_indexes(input, keys, std::size_t{1} << (flags & kWidthMask), count));
      rows -= count;
    }
    return {};
  }

  data::Column finish() override { return values_.finish(); }
  std::size_t memory_bytes() const override { return values_.memory_bytes(); }

 private:
  Result<void> read_indexes(NativeInput& input, const data::Column& keys, std::size_t width, std::size_t count) {
    indexes_.resize(count * width);
    WEIR_TRY(input.read(indexes_.data(), indexes_.size()));
    const auto value_bytes = static_cast<std::size_t>(data::value_width(values_.type()));
    values_.reserve(values_.rows() + count);
    for (std::size_t row = 0; row < count; ++row) {
      const auto index = index_at(indexes_.data(), width, row);
      if (index >= keys.rows()) return broken("an index beyond its dictionary");
      if (null_key_ == NullKey::First && index == 0) {
        values_.append_null();
      } else if (value_bytes == 0) {
        const auto text = keys.text(index);
        values_.append_text(text);
      } else {
        std::memcpy(values_.extend_values(1), keys.values_buffer().data() + index * value_bytes, value_bytes);
      }
      if (values_.memory_bytes() > INT_MAX) {
        return Error::external(Code::ResourceExhausted,
                               "a block of the server's answer holds more than 2 GiB in a column")
            .retry(Retry::Never)
            .hint("read with a smaller batch");
      }
    }
    return {};
  }

  NullKey null_key_;
  std::unique_ptr<ColumnDecoder> keys_;
  data::BufferBuilder indexes_;
  data::ColumnBuilder values_;
};

}  // namespace

std::unique_ptr<ColumnDecoder> make_dictionary_decoder(const ColumnType& keys, std::string_view server_zone) {
  // The dictionary of LowCardinality(Nullable(T)) holds T.
  const bool nullable = keys.name == "Nullable";
  const auto& key_type = nullable ? keys.children[0] : keys;
  const auto mapped = weir_type(key_type, server_zone);
  WEIR_CHECK(mapped.has_value());
  return std::make_unique<DictionaryDecoder>(
      mapped->type, nullable ? DictionaryDecoder::NullKey::First : DictionaryDecoder::NullKey::None,
      make_decoder(key_type, server_zone));
}

}  // namespace weir::clickhouse
