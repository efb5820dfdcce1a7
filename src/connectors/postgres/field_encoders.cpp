#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "connectors/postgres/copy_encoder.hpp"
#include "connectors/postgres/numeric.hpp"
#include "data/decimal.hpp"
#include "data/text.hpp"

namespace weir::postgres {
namespace {

using data::Column;
using data::Kind;

constexpr std::size_t kLengthBytes = 4;
constexpr std::int32_t kNull = -1;

void put_length(std::byte*& cursor, std::int32_t length) {
  store_big_endian(cursor, length);
  cursor += kLengthBytes;
}

// Values of one width. Convert says how a value looks on the wire; nothing when it does not fit.
template <typename From, typename To, typename Convert>
class FixedEncoder final : public FieldEncoder {
 public:
  explicit FixedEncoder(Convert convert) : convert_(std::move(convert)) {}

  std::optional<Misfit> measure(const Column& column, std::size_t begin, std::size_t rows,
                                std::uint32_t* sizes) override {
    const auto* values = column.values<From>() + begin;
    for (std::size_t i = 0; i < rows; ++i) {
      const auto null = column.is_null(begin + i);
      sizes[i] += kLengthBytes + (null ? 0 : sizeof(To));
      if (!null && !convert_(values[i])) [[unlikely]]
        return Misfit{begin + i, "the value does not fit"};
    }
    return std::nullopt;
  }

  void write(const Column& column, std::size_t begin, std::size_t rows, std::byte** cursors) override {
    const auto* values = column.values<From>() + begin;
    for (std::size_t i = 0; i < rows; ++i) {
      if (column.is_null(begin + i)) {
        put_length(cursors[i], kNull);
        continue;
      }
      put_length(cursors[i], sizeof(To));
      store_big_endian(cursors[i], *convert_(values[i]));
      cursors[i] += sizeof(To);
    }
  }

 private:
  Convert convert_;
};

template <typename From, typename To, typename Convert>
std::unique_ptr<FieldEncoder> fixed(Convert convert) {
  return std::make_unique<FixedEncoder<From, To, Convert>>(std::move(convert));
}

template <typename From, typename To>
std::unique_ptr<FieldEncoder> integer() {
  return fixed<From, To>([](From value) -> std::optional<To> {
    return std::in_range<To>(value) ? std::optional{static_cast<To>(value)} : std::nullopt;
  });
}

template <typename From>
std::unique_ptr<FieldEncoder> integer_as_double() {
  return fixed<From, std::int64_t>([](From value) -> std::optional<std::int64_t> {
    constexpr std::int64_t kExact = std::int64_t{1} << 53;  // a double holds every integer up to it
    if (std::cmp_greater(value, kExact) || std::cmp_less(value, -kExact)) return std::nullopt;
    return std::bit_cast<std::int64_t>(static_cast<double>(value));
  });
}

class BoolEncoder final : public FieldEncoder {
 public:
  std::optional<Misfit> measure(const Column& column, std::size_t begin, std::size_t rows,
                                std::uint32_t* sizes) override {
    for (std::size_t i = 0; i < rows; ++i) sizes[i] += column.is_null(begin + i) ? 4 : 5;
    return std::nullopt;
  }
  void write(const Column& column, std::size_t begin, std::size_t rows, std::byte** cursors) override {
    for (std::size_t i = 0; i < rows; ++i) {
      const auto null = column.is_null(begin + i);
      put_length(cursors[i], null ? kNull : 1);
      if (!null) *cursors[i]++ = column.bit(begin + i) ? std::byte{1} : std::byte{0};
    }
  }
};

// String, Binary and Json go as their bytes; jsonb wants a version in front.
class TextEncoder final : public FieldEncoder {
 public:
  enum class Version : bool { Absent, One };
  explicit TextEncoder(Version version) : version_(version) {}

  std::optional<Misfit> measure(const Column& column, std::size_t begin, std::size_t rows,
                                std::uint32_t* sizes) override {
    const auto* offsets = column.offsets() + begin;
    const auto fixed_bytes = kLengthBytes + (version_ == Version::One ? 1 : 0);
    for (std::size_t i = 0; i < rows; ++i) {
      sizes[i] += static_cast<std::uint32_t>(column.is_null(begin + i)
                                                 ? kLengthBytes
                                                 : fixed_bytes + static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
    return std::nullopt;
  }

  void write(const Column& column, std::size_t begin, std::size_t rows, std::byte** cursors) override {
    const auto* offsets = column.offsets() + begin;
    const auto* bytes = column.bytes_buffer().data();
    for (std::size_t i = 0; i < rows; ++i) {
      if (column.is_null(begin + i)) {
        put_length(cursors[i], kNull);
        continue;
      }
      const auto size = offsets[i + 1] - offsets[i];
      put_length(cursors[i], size + (version_ == Version::One ? 1 : 0));
      if (version_ == Version::One) *cursors[i]++ = std::byte{1};
      if (size != 0) std::memcpy(cursors[i], bytes + offsets[i], static_cast<std::size_t>(size));
      cursors[i] += size;
    }
  }

 private:
  Version version_;
};

class UuidEncoder final : public FieldEncoder {
 public:
  std::optional<Misfit> measure(const Column& column, std::size_t begin, std::size_t rows,
                                std::uint32_t* sizes) override {
    for (std::size_t i = 0; i < rows; ++i) sizes[i] += column.is_null(begin + i) ? 4 : 20;
    return std::nullopt;
  }
  void write(const Column& column, std::size_t begin, std::size_t rows, std::byte** cursors) override {
    const auto* values = column.values<data::UuidValue>() + begin;
    for (std::size_t i = 0; i < rows; ++i) {
      const auto null = column.is_null(begin + i);
      put_length(cursors[i], null ? kNull : 16);
      if (null) continue;
      std::memcpy(cursors[i], values[i].bytes, 16);
      cursors[i] += 16;
    }
  }
};

// Values whose length is known only when they are encoded: they are encoded once, beside, and then copied.
class ScratchEncoder : public FieldEncoder {
 public:
  std::optional<Misfit> measure(const Column& column, std::size_t begin, std::size_t rows, std::uint32_t* sizes) final {
    scratch_.clear();
    ends_.clear();
    for (std::size_t i = 0; i < rows; ++i) {
      const auto before = scratch_.size();
      if (!column.is_null(begin + i)) {
        if (auto reason = append(column, begin + i, scratch_)) return Misfit{begin + i, std::move(*reason)};
      }
      ends_.push_back(scratch_.size());
      sizes[i] += static_cast<std::uint32_t>(kLengthBytes + scratch_.size() - before);
    }
    return std::nullopt;
  }

  void write(const Column& column, std::size_t begin, std::size_t rows, std::byte** cursors) final {
    std::size_t at = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      const auto size = ends_[i] - at;
      put_length(cursors[i], column.is_null(begin + i) ? kNull : static_cast<std::int32_t>(size));
      if (size != 0) std::memcpy(cursors[i], scratch_.data() + at, size);
      cursors[i] += size;
      at = ends_[i];
    }
  }

 protected:
  // Appends a value that is not null; the reason when it does not fit.
  virtual std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) = 0;

 private:
  data::BufferBuilder scratch_;
  std::vector<std::size_t> ends_;
};

class DecimalEncoder final : public ScratchEncoder {
 public:
  DecimalEncoder(const data::Type& type, int scale_max)
      : scale_(type.scale), width_(data::value_width(type)), scale_max_(scale_max < 0 ? type.scale : scale_max) {}

 protected:
  std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) override {
    // The server would round what the column cannot keep.
    if (scale_ > scale_max_ && !data::rescale({data::decimal_at(column, row), scale_}, 76, scale_max_)) {
      return fmt::format("{} has more than {} digits after the point", data::value_text(column, row), scale_max_);
    }
    if (width_ == 4) {
      append_numeric(out, std::int64_t{column.values<std::int32_t>()[row]}, scale_);
    } else if (width_ == 8) {
      append_numeric(out, column.values<std::int64_t>()[row], scale_);
    } else {
      append_numeric(out, data::decimal_at(column, row), scale_);
    }
    return std::nullopt;
  }

 private:
  int scale_;
  int width_;
  int scale_max_;
};

template <typename T>
class IntegerNumericEncoder final : public ScratchEncoder {
 protected:
  std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) override {
    const auto value = column.values<T>()[row];
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      append_numeric(out, data::Int256::from(static_cast<data::Int128>(value)), 0);
    } else {
      append_numeric(out, std::int64_t{value}, 0);
    }
    return std::nullopt;
  }
};

class IntervalEncoder final : public ScratchEncoder {
 protected:
  std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) override {
    const auto& value = column.values<data::IntervalValue>()[row];
    if (value.nanoseconds % 1000 != 0) return "PostgreSQL keeps microseconds, and the interval has nanoseconds";
    auto* at = out.extend(16);
    store_big_endian(at, value.nanoseconds / 1000);
    store_big_endian(at + 8, value.days);
    store_big_endian(at + 12, value.months);
    return std::nullopt;
  }
};

// A value as JSON: what has no type of its own in PostgreSQL, such as a struct.
class JsonEncoder final : public ScratchEncoder {
 public:
  explicit JsonEncoder(Wire wire) : wire_(wire) {}

 protected:
  std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) override {
    text_.clear();
    data::append_json(text_, column, row);
    if (wire_ == Wire::Jsonb) out.append_value(std::byte{1});
    out.append(text_.data(), text_.size());
    return std::nullopt;
  }

 private:
  Wire wire_;
  std::string text_;
};

// A value as Weir writes it in text, for columns that the server fills by a cast.
class ValueTextEncoder final : public ScratchEncoder {
 protected:
  std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) override {
    text_.clear();
    data::append_text(text_, column, row);
    out.append(text_.data(), text_.size());
    return std::nullopt;
  }

 private:
  std::string text_;
};

class ArrayEncoder final : public ScratchEncoder {
 public:
  ArrayEncoder(std::unique_ptr<FieldEncoder> element, std::uint32_t element_oid)
      : element_(std::move(element)), element_oid_(element_oid) {}

 protected:
  std::optional<std::string> append(const Column& column, std::size_t row, data::BufferBuilder& out) override {
    const auto& elements = column.children().front();
    const auto begin = static_cast<std::size_t>(column.offsets()[row]);
    const auto count = static_cast<std::size_t>(column.offsets()[row + 1]) - begin;
    auto* head = out.extend(count == 0 ? 12 : 20);
    store_big_endian(head, std::int32_t{count == 0 ? 0 : 1});
    store_big_endian(head + 4, std::int32_t{elements.nulls() == 0 ? 0 : 1});
    store_big_endian(head + 8, element_oid_);
    if (count == 0) return std::nullopt;
    store_big_endian(head + 12, static_cast<std::int32_t>(count));
    store_big_endian(head + 16, std::int32_t{1});

    sizes_.assign(count, 0);
    if (auto misfit = element_->measure(elements, begin, count, sizes_.data())) {
      return fmt::format("element {}: {}", misfit->row - begin + 1, misfit->reason);
    }
    std::size_t total = 0;
    for (const auto size : sizes_) total += size;
    auto* cursor = out.extend(total);
    cursors_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      cursors_[i] = cursor;
      cursor += sizes_[i];
    }
    element_->write(elements, begin, count, cursors_.data());
    return std::nullopt;
  }

 private:
  std::unique_ptr<FieldEncoder> element_;
  std::uint32_t element_oid_;
  std::vector<std::uint32_t> sizes_;
  std::vector<std::byte*> cursors_;
};

constexpr std::array<std::int64_t, 7> kPowersOfTen{1, 10, 100, 1000, 10'000, 100'000, 1'000'000};

// A count in `unit` → microseconds that the column keeps; nothing when digits would be lost or it overflows.
std::optional<std::int64_t> to_microseconds(std::int64_t value, data::TimeUnit unit, int second_digits) {
  std::int64_t microseconds = 0;
  if (unit == data::TimeUnit::Nano) {
    if (value % 1000 != 0) return std::nullopt;
    microseconds = value / 1000;
  } else {
    const auto factor = kPowersOfTen[static_cast<std::size_t>(6 - data::digits(unit))];
    if (__builtin_mul_overflow(value, factor, &microseconds)) return std::nullopt;
  }
  if (microseconds % kPowersOfTen[static_cast<std::size_t>(6 - second_digits)] != 0) return std::nullopt;
  return microseconds;
}

std::unique_ptr<FieldEncoder> date_encoder() {
  return fixed<std::int32_t, std::int32_t>([](std::int32_t since_1970) -> std::optional<std::int32_t> {
    constexpr std::int64_t kFirst = -2'451'545;  // 4713 BC, PostgreSQL's first day, counted from 2000
    constexpr std::int64_t kEnd = 2'145'031'949;
    const auto since_2000 = std::int64_t{since_1970} - kDaysTo2000;
    if (since_2000 < kFirst || since_2000 >= kEnd) return std::nullopt;
    return static_cast<std::int32_t>(since_2000);
  });
}

std::unique_ptr<FieldEncoder> timestamp_encoder(data::TimeUnit unit, int second_digits) {
  return fixed<std::int64_t, std::int64_t>([=](std::int64_t value) -> std::optional<std::int64_t> {
    constexpr std::int64_t kFirst = -211'813'488'000'000'000;  // MIN_TIMESTAMP in src/include/datatype/timestamp.h
    const auto since_1970 = to_microseconds(value, unit, second_digits);
    std::int64_t since_2000 = 0;
    if (!since_1970 || __builtin_sub_overflow(*since_1970, kMicrosecondsTo2000, &since_2000)) return std::nullopt;
    return since_2000 >= kFirst ? std::optional{since_2000} : std::nullopt;
  });
}

std::unique_ptr<FieldEncoder> time_encoder(data::TimeUnit unit, int second_digits) {
  return fixed<std::int64_t, std::int64_t>(
      [=](std::int64_t value) { return to_microseconds(value, unit, second_digits); });
}

template <typename From>
std::unique_ptr<FieldEncoder> integer_encoder(Wire wire) {
  switch (wire) {
    case Wire::Int2: return integer<From, std::int16_t>();
    case Wire::Int4: return integer<From, std::int32_t>();
    case Wire::Oid: return integer<From, std::uint32_t>();
    case Wire::Int8: return integer<From, std::int64_t>();
    case Wire::Float8: return integer_as_double<From>();
    case Wire::Numeric: return std::make_unique<IntegerNumericEncoder<From>>();
    default: return nullptr;
  }
}

std::unique_ptr<FieldEncoder> float_encoder(Kind kind, Wire wire) {
  if (kind == Kind::Float32 && wire == Wire::Float4) {
    return fixed<std::int32_t, std::int32_t>([](std::int32_t bits) { return std::optional{bits}; });
  }
  if (kind == Kind::Float64 && wire == Wire::Float8) {
    return fixed<std::int64_t, std::int64_t>([](std::int64_t bits) { return std::optional{bits}; });
  }
  if (kind == Kind::Float32 && wire == Wire::Float8) {
    return fixed<float, std::int64_t>(
        [](float value) { return std::optional{std::bit_cast<std::int64_t>(double{value})}; });
  }
  return nullptr;
}

std::unique_ptr<FieldEncoder> text_encoder(Kind kind, Wire wire) {
  using Version = TextEncoder::Version;
  if (kind == Kind::Binary) return wire == Wire::Bytea ? std::make_unique<TextEncoder>(Version::Absent) : nullptr;
  if (wire == Wire::Text) return std::make_unique<TextEncoder>(Version::Absent);
  if (wire == Wire::Jsonb) return std::make_unique<TextEncoder>(Version::One);
  return nullptr;
}

std::unique_ptr<FieldEncoder> list_encoder(const data::Type& type, const WriteColumn& column) {
  if (column.wire == Wire::Text || column.wire == Wire::Jsonb) return std::make_unique<JsonEncoder>(column.wire);
  if (column.wire != Wire::Array) return nullptr;
  auto of_element = column;
  of_element.wire = column.element;
  auto element = make_encoder(type.children->front().type, of_element);
  return element ? std::make_unique<ArrayEncoder>(std::move(element), column.element_oid) : nullptr;
}

}  // namespace

std::unique_ptr<FieldEncoder> make_encoder(const data::Type& type, const WriteColumn& column) {
  const auto wire = column.wire;
  if (column.staged_type == "text" && !data::is_text_like(type.kind)) return std::make_unique<ValueTextEncoder>();
  switch (type.kind) {
    case Kind::Bool: return wire == Wire::Bool ? std::make_unique<BoolEncoder>() : nullptr;
    case Kind::Int8: return integer_encoder<std::int8_t>(wire);
    case Kind::Int16: return integer_encoder<std::int16_t>(wire);
    case Kind::Int32: return integer_encoder<std::int32_t>(wire);
    case Kind::Int64: return integer_encoder<std::int64_t>(wire);
    case Kind::UInt8: return integer_encoder<std::uint8_t>(wire);
    case Kind::UInt16: return integer_encoder<std::uint16_t>(wire);
    case Kind::UInt32: return integer_encoder<std::uint32_t>(wire);
    case Kind::UInt64: return integer_encoder<std::uint64_t>(wire);
    case Kind::Float32:
    case Kind::Float64: return float_encoder(type.kind, wire);
    case Kind::Decimal:
      return wire == Wire::Numeric ? std::make_unique<DecimalEncoder>(type, column.scale_max) : nullptr;
    case Kind::Date: return wire == Wire::Date ? date_encoder() : nullptr;
    case Kind::Time: return wire == Wire::Time ? time_encoder(type.unit, column.second_digits) : nullptr;
    case Kind::Timestamp: return wire == Wire::Timestamp ? timestamp_encoder(type.unit, column.second_digits) : nullptr;
    case Kind::Interval: return wire == Wire::Interval ? std::make_unique<IntervalEncoder>() : nullptr;
    case Kind::String:
    case Kind::Binary:
    case Kind::Json: return text_encoder(type.kind, wire);
    case Kind::Uuid: return wire == Wire::Uuid ? std::make_unique<UuidEncoder>() : nullptr;
    case Kind::List: return list_encoder(type, column);
    case Kind::Struct: return wire == Wire::Text || wire == Wire::Jsonb ? std::make_unique<JsonEncoder>(wire) : nullptr;
  }
  return nullptr;
}

}  // namespace weir::postgres
