#include "connectors/postgres/copy_decoder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "connectors/postgres/numeric.hpp"
#include "data/calendar.hpp"
#include "data/decimal.hpp"

namespace weir::postgres {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::int64_t kMicrosecondsADay = 86'400'000'000;
constexpr std::int32_t kFirstDay = static_cast<std::int32_t>(data::days_from_civil({1, 1, 1}));
constexpr std::int32_t kLastDay = static_cast<std::int32_t>(data::days_from_civil({9999, 12, 31}));

bool refuse(std::string& problem, std::string_view reason) {
  problem = reason;
  return false;
}

bool wrong_size(std::string& problem) {
  return refuse(problem, "the server sent a value of another size than its type has");
}

// Values that are the same bytes in the other order.
template <typename T>
class FixedDecoder final : public FieldDecoder {
 public:
  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    if (value.size() != sizeof(T)) return wrong_size(problem);
    builder.append(load_big_endian<T>(value.data()));
    return true;
  }
};

class BoolDecoder final : public FieldDecoder {
 public:
  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    if (value.size() != 1) return wrong_size(problem);
    builder.append_bool(value[0] != std::byte{0});
    return true;
  }
};

class TextDecoder final : public FieldDecoder {
 public:
  explicit TextDecoder(std::size_t prefix_bytes) : prefix_bytes_(prefix_bytes) {}
  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    if (value.size() < prefix_bytes_) return wrong_size(problem);
    builder.append_text({reinterpret_cast<const char*>(value.data()) + prefix_bytes_, value.size() - prefix_bytes_});
    return true;
  }

 private:
  std::size_t prefix_bytes_;  // jsonb begins with a version
};

class UuidDecoder final : public FieldDecoder {
 public:
  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    if (value.size() != sizeof(data::UuidValue)) return wrong_size(problem);
    data::UuidValue uuid;
    std::memcpy(uuid.bytes, value.data(), sizeof uuid.bytes);
    builder.append(uuid);
    return true;
  }
};

// Dates and timestamps: a count since 2000, whose extremes mean -infinity and infinity.
template <typename T>
class InstantDecoder final : public FieldDecoder {
 public:
  InstantDecoder(OnInfinity on_infinity, T offset, T lowest, T highest)
      : on_infinity_(on_infinity), offset_(offset), lowest_(lowest), highest_(highest) {}

  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    if (value.size() != sizeof(T)) return wrong_size(problem);
    const auto since_2000 = load_big_endian<T>(value.data());
    if (since_2000 == std::numeric_limits<T>::max() || since_2000 == std::numeric_limits<T>::min()) [[unlikely]] {
      return append_infinity(since_2000 > 0 ? highest_ : lowest_, builder, problem);
    }
    T since_1970 = 0;
    if (__builtin_add_overflow(since_2000, offset_, &since_1970)) [[unlikely]] {
      return refuse(problem, "a timestamp after 294247-01-10 has no place in 64 bits since 1970");
    }
    builder.append(since_1970);
    return true;
  }

 private:
  bool append_infinity(T clamped, data::ColumnBuilder& builder, std::string& problem) const {
    switch (on_infinity_) {
      case OnInfinity::Error:
        return refuse(problem, "an infinite date; read it with infinity: null or infinity: clamp");
      case OnInfinity::Null: builder.append_null(); return true;
      case OnInfinity::Clamp: builder.append(clamped); return true;
    }
    return false;
  }

  OnInfinity on_infinity_;
  T offset_;
  T lowest_;
  T highest_;
};

class IntervalDecoder final : public FieldDecoder {
 public:
  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    if (value.size() != 16) return wrong_size(problem);
    data::IntervalValue interval{.months = load_big_endian<std::int32_t>(value.data() + 12),
                                 .days = load_big_endian<std::int32_t>(value.data() + 8),
                                 .nanoseconds = 0};
    if (__builtin_mul_overflow(load_big_endian<std::int64_t>(value.data()), std::int64_t{1000},
                               &interval.nanoseconds)) {
      return refuse(problem, "an interval whose time part is longer than 292 years");
    }
    builder.append(interval);
    return true;
  }
};

class NumericTextDecoder final : public FieldDecoder {
 public:
  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    const auto numeric = NumericView::parse(value);
    if (!numeric) return wrong_size(problem);
    std::string text;
    numeric->append_text(text);
    builder.append_text(text);
    return true;
  }
};

class DecimalDecoder final : public FieldDecoder {
 public:
  DecimalDecoder(const data::Type& type, OnNan on_nan)
      : precision_(type.precision), scale_(type.scale), width_(data::value_width(type)), on_nan_(on_nan) {}

  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    const auto numeric = NumericView::parse(value);
    if (!numeric) return wrong_size(problem);
    if (!numeric->finite()) {
      if (on_nan_ == OnNan::Error)
        return refuse(problem, "NaN or Infinity in a decimal; read it with nan: null or numeric: string");
      builder.append_null();
      return true;
    }
    if (append_exact(*numeric, builder)) return true;
    std::string text;
    numeric->append_text(text);
    constexpr std::size_t kShown = 100;
    if (text.size() > kShown) text.replace(kShown, std::string::npos, "…");
    problem = fmt::format("{} does not fit decimal({},{})", text, precision_, scale_);
    return false;
  }

 private:
  template <typename T, typename Stored>
  bool append_as(const NumericView& numeric, data::ColumnBuilder& builder) const {
    const auto unscaled = numeric.unscaled<T>(precision_, scale_);
    if (unscaled) builder.append(static_cast<Stored>(*unscaled));
    return unscaled.has_value();
  }

  bool append_exact(const NumericView& numeric, data::ColumnBuilder& builder) const {
    switch (width_) {
      case 4: return append_as<std::int64_t, std::int32_t>(numeric, builder);
      case 8: return append_as<std::int64_t, std::int64_t>(numeric, builder);
      case 16: return append_as<data::Int128, data::Int128>(numeric, builder);
      default: break;
    }
    std::string text;
    numeric.append_text(text);
    const auto parsed = data::parse_decimal(text);
    const auto unscaled = parsed ? data::rescale(*parsed, precision_, scale_) : std::nullopt;
    if (unscaled) data::append_decimal_value(builder, *unscaled);
    return unscaled.has_value();
  }

  int precision_;
  int scale_;
  int width_;
  OnNan on_nan_;
};

// array_send (src/backend/utils/adt/arrayfuncs.c): int32 dimensions, int32 has nulls, oid of the elements, per dimension
// int32 length and int32 lower bound, then the elements with their lengths in front.
class ArrayDecoder final : public FieldDecoder {
 public:
  explicit ArrayDecoder(std::unique_ptr<FieldDecoder> element) : element_(std::move(element)) {}

  bool append(Bytes value, data::ColumnBuilder& builder, std::string& problem) const override {
    constexpr std::size_t kHead = 12;
    if (value.size() < kHead) return wrong_size(problem);
    const auto dimensions = load_big_endian<std::int32_t>(value.data());
    if (dimensions > 1) {
      return refuse(problem, "an array of several dimensions; read it with arrays: json");
    }
    auto rest = value.subspan(kHead);
    if (dimensions == 1) {
      if (rest.size() < 8) return wrong_size(problem);
      const auto count = load_big_endian<std::int32_t>(rest.data());
      rest = rest.subspan(8);
      for (std::int32_t i = 0; i < count; ++i) {
        if (!append_element(rest, builder.child(0), problem)) return false;
      }
    }
    builder.append_nested();
    return true;
  }

 private:
  bool append_element(Bytes& rest, data::ColumnBuilder& builder, std::string& problem) const {
    if (rest.size() < 4) return wrong_size(problem);
    const auto size = load_big_endian<std::int32_t>(rest.data());
    rest = rest.subspan(4);
    if (size < 0) {
      builder.append_null();
      return true;
    }
    if (rest.size() < static_cast<std::size_t>(size)) return wrong_size(problem);
    const auto value = rest.first(static_cast<std::size_t>(size));
    rest = rest.subspan(static_cast<std::size_t>(size));
    return element_->append(value, builder, problem);
  }

  std::unique_ptr<FieldDecoder> element_;
};

Error malformed() {
  return Error::external(Code::InvalidData, "the server's COPY data is malformed").retry(Retry::Reconnect);
}

}  // namespace

std::unique_ptr<FieldDecoder> make_decoder(const ReadColumn& column) {
  switch (column.wire) {
    case Wire::Bool: return std::make_unique<BoolDecoder>();
    case Wire::Int2: return std::make_unique<FixedDecoder<std::int16_t>>();
    case Wire::Int4:
    case Wire::Oid:
    case Wire::Float4: return std::make_unique<FixedDecoder<std::int32_t>>();
    case Wire::Int8:
    case Wire::Float8:
    case Wire::Time: return std::make_unique<FixedDecoder<std::int64_t>>();
    case Wire::Numeric:
      if (column.type.kind == data::Kind::String) return std::make_unique<NumericTextDecoder>();
      return std::make_unique<DecimalDecoder>(column.type, column.on_nan);
    case Wire::Char:
    case Wire::Text:
    case Wire::Bytea: return std::make_unique<TextDecoder>(0);
    case Wire::Jsonb: return std::make_unique<TextDecoder>(1);
    case Wire::Date:
      return std::make_unique<InstantDecoder<std::int32_t>>(column.on_infinity, kDaysTo2000, kFirstDay, kLastDay);
    case Wire::Timestamp:
      return std::make_unique<InstantDecoder<std::int64_t>>(column.on_infinity, kMicrosecondsTo2000,
                                                            kFirstDay * kMicrosecondsADay,
                                                            (kLastDay + 1) * kMicrosecondsADay - 1);
    case Wire::Interval: return std::make_unique<IntervalDecoder>();
    case Wire::Uuid: return std::make_unique<UuidDecoder>();
    case Wire::Array: {
      auto element = column;
      element.type = column.type.children->front().type;
      element.wire = column.element;
      return std::make_unique<ArrayDecoder>(make_decoder(element));
    }
  }
  return nullptr;
}

CopyDecoder::CopyDecoder(std::vector<ReadColumn> columns) : columns_(std::move(columns)) {
  data::Schema schema;
  for (const auto& column : columns_) {
    schema.fields.push_back({column.name, column.type, column.nullable});
    decoders_.push_back(make_decoder(column));
    builders_.emplace_back(column.type);
  }
  schema_ = std::make_shared<const data::Schema>(std::move(schema));
}

Result<void> CopyDecoder::append(Bytes piece) {
  bytes_ += piece.size();
  if (at_ == At::Header) {
    if (piece.size() < kCopyHeaderBytes || std::memcmp(piece.data(), kCopySignature, kCopySignatureBytes) != 0)
      return malformed();
    const auto extension_bytes = load_big_endian<std::uint32_t>(piece.data() + kCopySignatureBytes + 4);
    if (piece.size() < kCopyHeaderBytes + extension_bytes) return malformed();
    piece = piece.subspan(kCopyHeaderBytes + extension_bytes);
    at_ = At::Rows;
  }
  while (!piece.empty()) WEIR_TRY(append_row(piece));
  return {};
}

Result<void> CopyDecoder::append_row(Bytes& rest) {
  if (at_ == At::End || rest.size() < 2) return malformed();
  const auto fields = load_big_endian<std::int16_t>(rest.data());
  rest = rest.subspan(2);
  if (fields == -1) {
    at_ = At::End;
    return {};
  }
  if (std::cmp_not_equal(fields, columns_.size())) return malformed();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (rest.size() < 4) return malformed();
    const auto size = load_big_endian<std::int32_t>(rest.data());
    rest = rest.subspan(4);
    if (size < 0) {
      builders_[i].append_null();
      continue;
    }
    if (rest.size() < static_cast<std::size_t>(size)) return malformed();
    if (!decoders_[i]->append(rest.first(static_cast<std::size_t>(size)), builders_[i], problem_)) [[unlikely]] {
      return problem_at(i, problem_);
    }
    rest = rest.subspan(static_cast<std::size_t>(size));
  }
  ++rows_;
  return {};
}

Error CopyDecoder::problem_at(std::size_t column, std::string_view problem) const {
  return Error{
      Fault::User, Code::TypeMismatch,
      fmt::format("column {}, row {} of the read: {}", columns_[column].name, rows_before_ + rows_ + 1, problem)};
}

data::Batch CopyDecoder::finish_batch() {
  std::vector<data::Column> columns;
  columns.reserve(builders_.size());
  for (auto& builder : builders_) {
    columns.push_back(builder.finish());
    builder.reserve(rows_);
  }
  rows_before_ += rows_;
  bytes_ = 0;
  return data::Batch{schema_, std::move(columns), std::exchange(rows_, 0)};
}

}  // namespace weir::postgres
