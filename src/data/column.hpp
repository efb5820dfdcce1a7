#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "data/buffer.hpp"
#include "data/type.hpp"

namespace weir::data {

// The layout of one interval value (Arrow's month_day_nano).
struct IntervalValue {
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t nanoseconds = 0;

  bool operator==(const IntervalValue&) const = default;
};

// 16 bytes as written: 00112233-4455-… is {0x00, 0x11, 0x22, …}.
struct UuidValue {
  std::uint8_t bytes[16] = {};

  bool operator==(const UuidValue&) const = default;
};

// One column of values in Arrow's columnar layout (Arrow Columnar Format 1.4, "Physical Memory Layout"), offset 0:
//   validity  one bit a value, least significant first; empty when no value is null
//   values    Bool: one bit a value; fixed width: value_width bytes a value; String/Binary/Json/List: rows + 1 int32 offsets
//   bytes     String/Binary/Json: the text that the offsets point into
//   children  List: its elements; Struct: its fields, each as long as the column
// Immutable and cheap to copy. The content under a null is unspecified. A batch stays below 2 GiB, so offsets fit.
class Column {
 public:
  Column() = default;
  Column(Type type, std::size_t rows, std::size_t nulls, Buffer validity, Buffer values, Buffer bytes = {},
         std::vector<Column> children = {});

  const Type& type() const { return type_; }
  std::size_t rows() const { return rows_; }
  std::size_t nulls() const { return nulls_; }

  bool is_null(std::size_t row) const {
    return nulls_ != 0 && (validity_.as<std::uint8_t>()[row >> 3] >> (row & 7) & 1) == 0;
  }
  // Fixed-width kinds; sizeof(T) is value_width(type()).
  template <typename T>
  const T* values() const {
    return values_.as<T>();
  }
  bool bit(std::size_t row) const { return (values_.as<std::uint8_t>()[row >> 3] >> (row & 7) & 1) != 0; }
  const std::int32_t* offsets() const { return values_.as<std::int32_t>(); }
  // String, Binary and Json.
  std::string_view text(std::size_t row) const {
    const auto* at = offsets() + row;
    return {bytes_.as<char>() + at[0], static_cast<std::size_t>(at[1] - at[0])};
  }
  const std::vector<Column>& children() const { return children_; }

  const Buffer& validity_buffer() const { return validity_; }
  const Buffer& values_buffer() const { return values_; }
  const Buffer& bytes_buffer() const { return bytes_; }

  // What the column occupies in memory.
  std::size_t memory_bytes() const;

 private:
  Type type_;
  std::size_t rows_ = 0;
  std::size_t nulls_ = 0;
  Buffer validity_;
  Buffer values_;
  Buffer bytes_;
  std::vector<Column> children_;
};

// Builds a Column value by value or in blocks. Appending a kind of value that the type does not hold is a bug.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type);
  ColumnBuilder(ColumnBuilder&&) = default;
  ColumnBuilder& operator=(ColumnBuilder&&) = default;

  const Type& type() const { return type_; }
  std::size_t rows() const { return rows_; }
  std::size_t memory_bytes() const;
  void reserve(std::size_t rows, std::size_t text_bytes = 0);

  // Fixed-width kinds; sizeof(T) is value_width(type()).
  template <typename T>
  void append(const T& value) {
    WEIR_CHECK(sizeof(T) == width_);
    values_.append_value(value);
    append_valid();
  }
  void append_bool(bool value);
  // String, Binary and Json.
  void append_text(std::string_view text) {
    bytes_.append(text.data(), text.size());
    values_.append_value(static_cast<std::int32_t>(bytes_.size()));
    append_valid();
  }
  void append_null();

  // Nested kinds: append to child(0) of a List, or to every child of a Struct, then close the value.
  ColumnBuilder& child(std::size_t index) { return children_[index]; }
  std::size_t child_count() const { return children_.size(); }
  void append_nested();

  // In blocks, for decoders: `rows` fixed-width values of unspecified content, all valid, to be filled by the caller.
  std::byte* extend_values(std::size_t rows);
  // Marks an already appended value as null.
  void set_null(std::size_t row);

  // Leaves the builder empty and ready for the next batch.
  Column finish();

 private:
  void append_valid() {
    if (nulls_ != 0) grow_validity();
    ++rows_;
  }
  void grow_validity();

  Type type_;
  std::size_t width_ = 0;
  std::size_t rows_ = 0;
  std::size_t nulls_ = 0;
  BufferBuilder validity_;  // made with the first null
  BufferBuilder values_;
  BufferBuilder bytes_;
  std::vector<ColumnBuilder> children_;
};

}  // namespace weir::data
