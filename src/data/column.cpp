#include "data/column.hpp"

#include <utility>

namespace weir::data {
namespace {

std::size_t bitmap_bytes(std::size_t rows) { return (rows + 7) / 8; }

}  // namespace

Column::Column(Type type, std::size_t rows, std::size_t nulls, Buffer validity, Buffer values, Buffer bytes,
               std::vector<Column> children)
    : type_(std::move(type)),
      rows_(rows),
      nulls_(nulls),
      validity_(std::move(validity)),
      values_(std::move(values)),
      bytes_(std::move(bytes)),
      children_(std::move(children)) {}

std::size_t Column::memory_bytes() const {
  std::size_t total = validity_.size() + values_.size() + bytes_.size();
  for (const auto& child : children_) total += child.memory_bytes();
  return total;
}

ColumnBuilder::ColumnBuilder(Type type) : type_(std::move(type)), width_(static_cast<std::size_t>(value_width(type_))) {
  if (type_.children) {
    for (const auto& field : *type_.children) children_.emplace_back(field.type);
  }
  if (is_text_like(type_.kind) || type_.kind == Kind::List) values_.append_value(std::int32_t{0});
}

std::size_t ColumnBuilder::memory_bytes() const {
  std::size_t total = validity_.size() + values_.size() + bytes_.size();
  for (const auto& child : children_) total += child.memory_bytes();
  return total;
}

void ColumnBuilder::reserve(std::size_t rows, std::size_t text_bytes) {
  if (type_.kind == Kind::Bool) {
    values_.reserve(bitmap_bytes(rows));
  } else if (width_ != 0) {
    values_.reserve(rows * width_);
  } else if (type_.kind != Kind::Struct) {
    values_.reserve((rows + 1) * sizeof(std::int32_t));
    bytes_.reserve(text_bytes);
  }
}

void ColumnBuilder::grow_validity() {
  const auto had = validity_.size();
  const auto need = bitmap_bytes(rows_ + 1);
  if (need > had) std::memset(validity_.extend(need - had), 0xff, need - had);
}

void ColumnBuilder::append_bool(bool value) {
  WEIR_CHECK(type_.kind == Kind::Bool);
  if (rows_ % 8 == 0) values_.append_value(std::uint8_t{0});
  if (value) values_.as<std::uint8_t>()[rows_ >> 3] |= static_cast<std::uint8_t>(1U << (rows_ & 7));
  append_valid();
}

void ColumnBuilder::append_null() {
  switch (type_.kind) {
    case Kind::Bool: append_bool(false); break;
    case Kind::Struct:
      for (auto& child : children_) child.append_null();
      append_nested();
      break;
    case Kind::List: append_nested(); break;
    case Kind::String:
    case Kind::Binary:
    case Kind::Json: append_text({}); break;
    default: std::memset(values_.extend(width_), 0, width_); append_valid();
  }
  set_null(rows_ - 1);
}

void ColumnBuilder::append_nested() {
  if (type_.kind == Kind::List) {
    values_.append_value(static_cast<std::int32_t>(children_[0].rows()));
  } else {
    WEIR_CHECK(type_.kind == Kind::Struct);
    for (const auto& child : children_) WEIR_CHECK(child.rows() == rows_ + 1);
  }
  append_valid();
}

std::byte* ColumnBuilder::extend_values(std::size_t rows) {
  WEIR_CHECK(width_ != 0);
  if (nulls_ != 0) {
    const auto need = bitmap_bytes(rows_ + rows);
    const auto had = validity_.size();
    if (need > had) std::memset(validity_.extend(need - had), 0xff, need - had);
  }
  rows_ += rows;
  return values_.extend(rows * width_);
}

void ColumnBuilder::set_null(std::size_t row) {
  WEIR_CHECK(row < rows_);
  if (nulls_ == 0) {
    const auto size = bitmap_bytes(rows_);
    validity_.resize(size);
    std::memset(validity_.data(), 0xff, size);
  }
  auto& byte = validity_.as<std::uint8_t>()[row >> 3];
  const auto mask = static_cast<std::uint8_t>(1U << (row & 7));
  if ((byte & mask) == 0) return;
  byte = static_cast<std::uint8_t>(byte & ~mask);
  ++nulls_;
}

Column ColumnBuilder::finish() {
  std::vector<Column> children;
  children.reserve(children_.size());
  for (auto& child : children_) children.push_back(child.finish());
  Column column{type_,
                rows_,
                nulls_,
                nulls_ == 0 ? Buffer{} : validity_.finish(),
                values_.finish(),
                bytes_.finish(),
                std::move(children)};
  rows_ = 0;
  nulls_ = 0;
  validity_.clear();
  if (is_text_like(type_.kind) || type_.kind == Kind::List) values_.append_value(std::int32_t{0});
  return column;
}

}  // namespace weir::data
