#include "connectors/files/text_column.hpp"

namespace weir::files {
namespace {

constexpr std::size_t kShortCopy = 16;  // copied as a whole: most values are shorter, and a fixed size needs no call

}  // namespace

void TextColumn::append(const char* text, const Span* spans, std::size_t stride, std::size_t rows,
                        std::string_view null_text) {
  std::size_t total = 0;
  for (std::size_t row = 0; row < rows; ++row) total += spans[row * stride].size();
  const auto begin = bytes_.size();
  bytes_.reserve(begin + total + kShortCopy);
  auto* const base = bytes_.as<char>();
  auto* out = base + begin;
  auto* offset = reinterpret_cast<std::int32_t*>(offsets_.extend(rows * sizeof(std::int32_t)));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto span = spans[row * stride];
    const auto size = span.size();
    const auto* value = text + span.begin;
    if (size <= kShortCopy) {
      std::memcpy(out, value, kShortCopy);
    } else {
      std::memcpy(out, value, size);
    }
    if (size == null_text.size() && !span.quoted() && std::memcmp(value, null_text.data(), size) == 0) {
      ++rows_;
      append_null();
    } else {
      out += size;
      ++rows_;
    }
    *offset++ = static_cast<std::int32_t>(out - base);
  }
  bytes_.resize(static_cast<std::size_t>(out - base));
}

// Marks the last row. The bitmap reaches as far as the last null; finish fills up the rest.
void TextColumn::append_null() {
  const auto had = validity_.size();
  const auto need = (rows_ + 7) / 8;
  if (need > had) std::memset(validity_.extend(need - had), 0xff, need - had);
  const auto row = rows_ - 1;
  auto& byte = validity_.as<std::uint8_t>()[row >> 3];
  byte = static_cast<std::uint8_t>(byte & ~(1U << (row & 7)));
  ++nulls_;
}

data::Column TextColumn::finish() {
  data::Buffer validity;
  if (nulls_ != 0) {
    const auto had = validity_.size();
    const auto need = (rows_ + 7) / 8;
    std::memset(validity_.extend(need - had), 0xff, need - had);
    validity = validity_.finish();
  }
  data::Column column{
      data::type_of(data::Kind::String), rows_, nulls_, std::move(validity), offsets_.finish(), bytes_.finish()};
  clear();
  return column;
}

void TextColumn::clear() {
  offsets_.clear();
  bytes_.clear();
  validity_.clear();
  offsets_.append_value(std::int32_t{0});
  rows_ = 0;
  nulls_ = 0;
}

}  // namespace weir::files
