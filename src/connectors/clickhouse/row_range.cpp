#include "connectors/clickhouse/row_range.hpp"

namespace weir::clickhouse {
namespace {

using data::Buffer;
using data::Column;

Buffer copy_bits(const Buffer& bits, std::size_t from, std::size_t count, std::size_t* set) {
  data::BufferBuilder copy;
  auto* out = reinterpret_cast<std::uint8_t*>(copy.extend((count + 7) / 8));
  std::memset(out, 0, (count + 7) / 8);
  const auto* in = bits.as<std::uint8_t>();
  std::size_t ones = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if ((in[(from + i) >> 3] >> ((from + i) & 7) & 1) == 0) continue;
    out[i >> 3] = static_cast<std::uint8_t>(out[i >> 3] | (1U << (i & 7)));
    ++ones;
  }
  if (set != nullptr) *set = ones;
  return copy.finish();
}

// Offsets that begin at 0; `begin` and `size` become the range that they cover.
Buffer copy_offsets(const Column& column, std::size_t from, std::size_t count, std::size_t* begin, std::size_t* size) {
  const auto* in = column.offsets() + from;
  data::BufferBuilder copy;
  auto* out = reinterpret_cast<std::int32_t*>(copy.extend((count + 1) * sizeof(std::int32_t)));
  for (std::size_t i = 0; i <= count; ++i) out[i] = in[i] - in[0];
  *begin = static_cast<std::size_t>(in[0]);
  *size = static_cast<std::size_t>(in[count] - in[0]);
  return copy.finish();
}

Column copy_rows(const Column& column, std::size_t from, std::size_t count) {
  Buffer validity;
  std::size_t nulls = 0;
  if (column.nulls() != 0) {
    std::size_t valid = 0;
    validity = copy_bits(column.validity_buffer(), from, count, &valid);
    nulls = count - valid;
    if (nulls == 0) validity = {};
  }
  const auto& type = column.type();
  if (type.kind == data::Kind::Bool) {
    return {type, count, nulls, std::move(validity), copy_bits(column.values_buffer(), from, count, nullptr)};
  }
  if (const auto width = static_cast<std::size_t>(data::value_width(type)); width != 0) {
    return {type, count, nulls, std::move(validity), column.values_buffer().slice(from * width, count * width)};
  }
  std::vector<Column> children;
  if (type.kind == data::Kind::Struct) {
    for (const auto& child : column.children()) children.push_back(copy_rows(child, from, count));
    return {type, count, nulls, std::move(validity), {}, {}, std::move(children)};
  }
  std::size_t begin = 0;
  std::size_t size = 0;
  auto offsets = copy_offsets(column, from, count, &begin, &size);
  if (type.kind == data::Kind::List) {
    children.push_back(copy_rows(column.children()[0], begin, size));
    return {type, count, nulls, std::move(validity), std::move(offsets), {}, std::move(children)};
  }
  return {type, count, nulls, std::move(validity), std::move(offsets), column.bytes_buffer().slice(begin, size)};
}

}  // namespace

data::Batch copy_rows(const data::Batch& batch, std::size_t from, std::size_t count) {
  std::vector<Column> columns;
  columns.reserve(batch.columns().size());
  for (const auto& column : batch.columns()) columns.push_back(copy_rows(column, from, count));
  return {batch.schema(), std::move(columns), count};
}

}  // namespace weir::clickhouse
