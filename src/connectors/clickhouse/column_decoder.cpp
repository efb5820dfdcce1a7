#include "connectors/clickhouse/column_decoder.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <unordered_map>

#include "connectors/clickhouse/dictionary_decoder.hpp"
#include "connectors/clickhouse/validity.hpp"
#include "data/decimal.hpp"

namespace weir::clickhouse {
namespace {

using data::BufferBuilder;
using data::Column;

Error out_of_range(std::string_view type, std::int64_t value) {
  return Error::external(Code::TypeMismatch, "a value of type {} is outside of what Weir holds: {}", type, value)
      .retry(Retry::Never);
}

Error broken(std::string_view what) {
  return Error::external(Code::InvalidData, "the server's answer is not in Native format: {}", what)
      .retry(Retry::Reconnect);
}

// Values that are laid out as Weir's.
class FixedDecoder final : public ColumnDecoder {
 public:
  explicit FixedDecoder(data::Type type)
      : type_(std::move(type)), width_(static_cast<std::size_t>(data::value_width(type_))) {}

  Result<void> read(NativeInput& input, std::size_t rows) override {
    rows_ += rows;
    return input.read(values_.extend(rows * width_), rows * width_);
  }
  Column finish() override { return {type_, std::exchange(rows_, 0), 0, {}, values_.finish()}; }
  std::size_t memory_bytes() const override { return values_.size(); }

 private:
  data::Type type_;
  std::size_t width_;
  std::size_t rows_ = 0;
  BufferBuilder values_;
};

// Values that each become another fixed-width value. Convert: bool(const Wire&, Value&), false when it does not fit.
template <typename Wire, typename Value, typename Convert>
class ConvertDecoder final : public ColumnDecoder {
 public:
  ConvertDecoder(data::Type type, std::string name, Convert convert)
      : type_(std::move(type)), name_(std::move(name)), convert_(std::move(convert)) {}

  Result<void> read(NativeInput& input, std::size_t rows) override {
    wire_.resize(rows * sizeof(Wire));
    WEIR_TRY(input.read(wire_.data(), wire_.size()));
    auto* values = reinterpret_cast<Value*>(values_.extend(rows * sizeof(Value)));
    const auto* wire = wire_.template as<Wire>();
    for (std::size_t i = 0; i < rows; ++i) {
      if (!convert_(wire[i], values[i])) return out_of_range(name_, static_cast<std::int64_t>(wire[i]));
    }
    rows_ += rows;
    return {};
  }
  Column finish() override { return {type_, std::exchange(rows_, 0), 0, {}, values_.finish()}; }
  std::size_t memory_bytes() const override { return values_.size(); }

 private:
  data::Type type_;
  std::string name_;
  Convert convert_;
  BufferBuilder wire_;
  std::size_t rows_ = 0;
  BufferBuilder values_;
};

template <typename Wire, typename Value, typename Convert>
std::unique_ptr<ColumnDecoder> make_convert(data::Type type, std::string name, Convert convert) {
  return std::make_unique<ConvertDecoder<Wire, Value, Convert>>(std::move(type), std::move(name), std::move(convert));
}

// A UUID is two little-endian words, the first half first.
class UuidDecoder final : public ColumnDecoder {
 public:
  Result<void> read(NativeInput& input, std::size_t rows) override {
    auto* values = values_.extend(rows * 16);
    WEIR_TRY(input.read(values, rows * 16));
    for (std::size_t i = 0; i < rows * 2; ++i) {
      std::uint64_t half = 0;
      std::memcpy(&half, values + i * 8, 8);
      half = __builtin_bswap64(half);
      std::memcpy(values + i * 8, &half, 8);
    }
    rows_ += rows;
    return {};
  }
  Column finish() override {
    return {data::type_of(data::Kind::Uuid), std::exchange(rows_, 0), 0, {}, values_.finish()};
  }
  std::size_t memory_bytes() const override { return values_.size(); }

 private:
  std::size_t rows_ = 0;
  BufferBuilder values_;
};

class BoolDecoder final : public ColumnDecoder {
 public:
  Result<void> read(NativeInput& input, std::size_t rows) override {
    bytes_.resize(rows);
    WEIR_TRY(input.read(bytes_.data(), rows));
    append_bits(bits_, rows_, bytes_.as<std::uint8_t>(), rows);
    rows_ += rows;
    return {};
  }
  Column finish() override { return {data::type_of(data::Kind::Bool), std::exchange(rows_, 0), 0, {}, bits_.finish()}; }
  std::size_t memory_bytes() const override { return bits_.size(); }

 private:
  BufferBuilder bytes_;
  std::size_t rows_ = 0;
  BufferBuilder bits_;
};

// The text columns' offsets and bytes, which every decoder below grows.
class TextColumn {
 public:
  explicit TextColumn(data::Kind kind) : kind_(kind) {}

  // Room for `rows` more offsets; append() then only writes.
  void reserve_rows(std::size_t rows) {
    if (rows_ == 0 && offsets_.size() == 0) offsets_.append_value(std::int32_t{0});
    offsets_.reserve((rows_ + rows + 1) * sizeof(std::int32_t));
  }
  bool fits(std::size_t size) const { return bytes_.size() + size <= static_cast<std::size_t>(INT_MAX); }
  // Bytes of unspecified content that become the next value's; the caller has asked fits().
  std::byte* append(std::size_t size) {
    auto* begin = bytes_.extend(size);
    offsets_.append_value(static_cast<std::int32_t>(bytes_.size()));
    ++rows_;
    return begin;
  }
  // Copies a short value with a single fixed-size move; 16 bytes must be readable at `from`.
  void append_short(const std::byte* from, std::size_t size) {
    bytes_.reserve(bytes_.size() + 16);
    std::memcpy(bytes_.data() + bytes_.size(), from, 16);
    bytes_.resize(bytes_.size() + size);
    offsets_.append_value(static_cast<std::int32_t>(bytes_.size()));
    ++rows_;
  }
  void append(std::string_view text) { text.copy(reinterpret_cast<char*>(append(text.size())), text.size()); }

  Column finish() {
    reserve_rows(0);
    return {data::type_of(kind_), std::exchange(rows_, 0), 0, {}, offsets_.finish(), bytes_.finish()};
  }
  std::size_t memory_bytes() const { return offsets_.size() + bytes_.size(); }

 private:
  data::Kind kind_;
  std::size_t rows_ = 0;
  BufferBuilder offsets_;
  BufferBuilder bytes_;
};

Error too_much_text() {
  return Error::external(Code::ResourceExhausted,
                         "a block of the server's answer holds more than 2 GiB of text in a column")
      .retry(Retry::Never)
      .hint("read with a smaller batch, or fewer columns");
}

class TextDecoder final : public ColumnDecoder {
 public:
  explicit TextDecoder(data::Kind kind) : text_(kind) {}

  Result<void> read(NativeInput& input, std::size_t rows) override {
    text_.reserve_rows(rows);
    while (rows != 0) {
      rows -= WEIR_TRY(read_window(input, rows));
      if (rows == 0) break;
      WEIR_TRY(read_one(input));
      --rows;
    }
    return {};
  }
  Column finish() override { return text_.finish(); }
  std::size_t memory_bytes() const override { return text_.memory_bytes(); }

 private:
  // Values that lie in the window with bytes to spare: nearly all of them. Returns how many.
  Result<std::size_t> read_window(NativeInput& input, std::size_t rows) {
    constexpr std::size_t kPrefixBytesMax = 3;  // lengths below 2 MiB
    constexpr std::size_t kSpare = kPrefixBytesMax + 16;
    const auto window = input.window();
    const auto* at = window.data();
    const auto* end = window.data() + window.size();
    std::size_t done = 0;
    for (; done<rows&& static_cast<std::size_t>(end - at)> kSpare; ++done) {
      auto size = std::to_integer<std::size_t>(at[0]);
      std::size_t prefix = 1;
      if (size >= 0x80) {
        size = (size & 0x7F) | (std::to_integer<std::size_t>(at[1]) & 0x7F) << 7;
        prefix = 2;
        if (std::to_integer<std::size_t>(at[1]) >= 0x80) {
          if (std::to_integer<std::size_t>(at[2]) >= 0x80) break;
          size |= std::to_integer<std::size_t>(at[2]) << 14;
          prefix = 3;
        }
      }
      if (size + kSpare > static_cast<std::size_t>(end - at)) break;
      if (!text_.fits(size)) return too_much_text();
      at += prefix;
      if (size <= 16) {
        text_.append_short(at, size);
      } else {
        std::memcpy(text_.append(size), at, size);
      }
      at += size;
    }
    input.consume(static_cast<std::size_t>(at - window.data()));
    return done;
  }

  // One value that reaches beyond the window.
  Result<void> read_one(NativeInput& input) {
    const auto size = WEIR_TRY(input.varuint());
    if (size > INT_MAX || !text_.fits(size)) return too_much_text();
    return input.read(text_.append(size), size);
  }

  TextColumn text_;
};

// JSON as text: the serialization that output_format_native_write_json_as_string asks for, version 1.
class JsonDecoder final : public ColumnDecoder {
 public:
  Result<void> read_prefix(NativeInput& input) override {
    if (WEIR_TRY(input.value<std::uint64_t>()) != 1) return broken("JSON in a form that was not asked for");
    return {};
  }
  Result<void> read(NativeInput& input, std::size_t rows) override { return text_.read(input, rows); }
  Column finish() override { return text_.finish(); }
  std::size_t memory_bytes() const override { return text_.memory_bytes(); }

 private:
  TextDecoder text_{data::Kind::Json};
};

// Fixed-width values that become text. Convert: bool(const std::byte*, TextColumn&).
template <typename Convert>
class ToTextDecoder final : public ColumnDecoder {
 public:
  ToTextDecoder(std::size_t width, Convert convert) : width_(width), convert_(std::move(convert)) {}

  Result<void> read(NativeInput& input, std::size_t rows) override {
    wire_.resize(rows * width_);
    WEIR_TRY(input.read(wire_.data(), wire_.size()));
    text_.reserve_rows(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      if (!text_.fits(width_ + INET6_ADDRSTRLEN)) return too_much_text();
      if (!convert_(wire_.data() + i * width_, text_)) return broken("an Enum value that its type does not name");
    }
    return {};
  }
  Column finish() override { return text_.finish(); }
  std::size_t memory_bytes() const override { return text_.memory_bytes(); }

 private:
  std::size_t width_;
  Convert convert_;
  BufferBuilder wire_;
  TextColumn text_{data::Kind::String};
};

template <typename Convert>
std::unique_ptr<ColumnDecoder> make_to_text(std::size_t width, Convert convert) {
  return std::make_unique<ToTextDecoder<Convert>>(width, std::move(convert));
}

template <typename Wire>
std::unique_ptr<ColumnDecoder> make_enum(const ColumnType& type) {
  std::unordered_map<int, std::string> labels(type.values.begin(), type.values.end());
  return make_to_text(sizeof(Wire), [labels = std::move(labels)](const std::byte* at, TextColumn& text) {
    Wire value;
    std::memcpy(&value, at, sizeof value);
    const auto label = labels.find(value);
    if (label == labels.end()) return false;
    text.append(label->second);
    return true;
  });
}

class NullableDecoder final : public ColumnDecoder {
 public:
  explicit NullableDecoder(std::unique_ptr<ColumnDecoder> values) : values_(std::move(values)) {}

  Result<void> read_prefix(NativeInput& input) override { return values_->read_prefix(input); }
  Result<void> read(NativeInput& input, std::size_t rows) override {
    null_map_.resize(rows);
    WEIR_TRY(input.read(null_map_.data(), rows));
    nulls_ += append_bits(null_bits_, rows_, null_map_.as<std::uint8_t>(), rows);
    rows_ += rows;
    return values_->read(input, rows);
  }
  Column finish() override {
    auto values = values_->finish();
    const auto rows = std::exchange(rows_, 0);
    const auto nulls = std::exchange(nulls_, 0);
    if (nulls == 0) {
      null_bits_.clear();
      return values;
    }
    auto* bits = null_bits_.as<std::uint8_t>();
    for (std::size_t i = 0; i < null_bits_.size(); ++i) bits[i] = static_cast<std::uint8_t>(~bits[i]);
    return {values.type(),    rows, nulls, null_bits_.finish(), values.values_buffer(), values.bytes_buffer(),
            values.children()};
  }
  std::size_t memory_bytes() const override { return null_bits_.size() + values_->memory_bytes(); }

 private:
  std::unique_ptr<ColumnDecoder> values_;
  BufferBuilder null_map_;
  BufferBuilder null_bits_;  // set where NULL, until finish() turns them round
  std::size_t rows_ = 0;
  std::size_t nulls_ = 0;
};

class ListDecoder final : public ColumnDecoder {
 public:
  ListDecoder(data::Type type, std::unique_ptr<ColumnDecoder> elements)
      : type_(std::move(type)), elements_(std::move(elements)) {}

  Result<void> read_prefix(NativeInput& input) override { return elements_->read_prefix(input); }
  Result<void> read(NativeInput& input, std::size_t rows) override {
    ends_.resize(rows * sizeof(std::uint64_t));
    WEIR_TRY(input.read(ends_.data(), ends_.size()));
    if (offsets_.size() == 0) offsets_.append_value(std::int32_t{0});
    const auto* ends = ends_.as<std::uint64_t>();
    auto* offsets = reinterpret_cast<std::int32_t*>(offsets_.extend(rows * sizeof(std::int32_t)));
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      if (ends[i] < last || ends[i] > static_cast<std::uint64_t>(INT_MAX) - count_) return broken("array offsets");
      last = ends[i];
      offsets[i] = static_cast<std::int32_t>(count_ + last);
    }
    rows_ += rows;
    count_ += last;
    return elements_->read(input, last);
  }
  Column finish() override {
    if (offsets_.size() == 0) offsets_.append_value(std::int32_t{0});
    count_ = 0;
    std::vector<Column> children;
    children.push_back(elements_->finish());
    return {type_, std::exchange(rows_, 0), 0, {}, offsets_.finish(), {}, std::move(children)};
  }
  std::size_t memory_bytes() const override { return offsets_.size() + elements_->memory_bytes(); }

 private:
  data::Type type_;
  std::unique_ptr<ColumnDecoder> elements_;
  BufferBuilder ends_;
  std::size_t rows_ = 0;
  std::uint64_t count_ = 0;  // of elements
  BufferBuilder offsets_;
};

class StructDecoder final : public ColumnDecoder {
 public:
  StructDecoder(data::Type type, std::vector<std::unique_ptr<ColumnDecoder>> fields)
      : type_(std::move(type)), fields_(std::move(fields)) {}

  Result<void> read_prefix(NativeInput& input) override {
    for (const auto& field : fields_) WEIR_TRY(field->read_prefix(input));
    return {};
  }
  Result<void> read(NativeInput& input, std::size_t rows) override {
    for (const auto& field : fields_) WEIR_TRY(field->read(input, rows));
    rows_ += rows;
    return {};
  }
  Column finish() override {
    std::vector<Column> children;
    for (const auto& field : fields_) children.push_back(field->finish());
    return {type_, std::exchange(rows_, 0), 0, {}, {}, {}, std::move(children)};
  }
  std::size_t memory_bytes() const override {
    std::size_t total = 0;
    for (const auto& field : fields_) total += field->memory_bytes();
    return total;
  }

 private:
  data::Type type_;
  std::vector<std::unique_ptr<ColumnDecoder>> fields_;
  std::size_t rows_ = 0;
};

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// Ticks of `precision` digits to the next unit of three, six or nine.
std::unique_ptr<ColumnDecoder> make_ticks(const ColumnType& type, const data::Type& value) {
  const auto factor = power_of_ten(data::digits(value.unit) - type.precision);
  const bool is_time = value.kind == data::Kind::Time;
  if (factor == 1 && !is_time) return std::make_unique<FixedDecoder>(value);
  const auto day = 86'400 * power_of_ten(data::digits(value.unit));
  return make_convert<std::int64_t, std::int64_t>(value, type.text, [=](std::int64_t ticks, std::int64_t& out) {
    if (__builtin_mul_overflow(ticks, factor, &out)) return false;
    return !is_time || (out >= 0 && out <= day);
  });
}

std::unique_ptr<ColumnDecoder> make_interval(const ColumnType& type) {
  const auto unit = std::string_view{type.name}.substr(std::string_view{"Interval"}.size());
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t nanoseconds = 0;
  if (unit == "Year") months = 12;
  if (unit == "Quarter") months = 3;
  if (unit == "Month") months = 1;
  if (unit == "Week") days = 7;
  if (unit == "Day") days = 1;
  if (unit == "Hour") nanoseconds = 3'600 * power_of_ten(9);
  if (unit == "Minute") nanoseconds = 60 * power_of_ten(9);
  if (unit == "Second") nanoseconds = power_of_ten(9);
  if (unit == "Millisecond") nanoseconds = power_of_ten(6);
  if (unit == "Microsecond") nanoseconds = power_of_ten(3);
  if (unit == "Nanosecond") nanoseconds = 1;
  return make_convert<std::int64_t, data::IntervalValue>(
      data::type_of(data::Kind::Interval), type.text, [=](std::int64_t count, data::IntervalValue& out) {
        return !__builtin_mul_overflow(count, months, &out.months) && !__builtin_mul_overflow(count, days, &out.days) &&
               !__builtin_mul_overflow(count, nanoseconds, &out.nanoseconds);
      });
}

template <typename Wire>
std::unique_ptr<ColumnDecoder> make_wide_integer(const ColumnType& type, const data::Type& value) {
  return make_convert<Wire, data::Int256>(value, type.text, [](Wire wide, data::Int256& out) {
    const auto low = static_cast<data::UInt128>(wide);
    const std::uint64_t sign = wide < 0 ? ~std::uint64_t{0} : 0;
    out.words = {static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(low >> 64), sign, sign};
    return true;
  });
}

bool append_ipv4(const std::byte* at, TextColumn& text) {
  std::uint32_t address = 0;
  std::memcpy(&address, at, sizeof address);
  text.append(fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255));
  return true;
}

bool append_ipv6(const std::byte* at, TextColumn& text) {
  char buffer[INET6_ADDRSTRLEN];
  text.append(inet_ntop(AF_INET6, at, buffer, sizeof buffer));
  return true;
}

std::unique_ptr<ColumnDecoder> make_fields(const ColumnType& type, const data::Type& value,
                                           std::string_view server_zone) {
  std::vector<std::unique_ptr<ColumnDecoder>> fields;
  for (const auto& child : type.children) fields.push_back(make_decoder(child, server_zone));
  return std::make_unique<StructDecoder>(value, std::move(fields));
}

std::unique_ptr<ColumnDecoder> make_text_from(const ColumnType& type) {
  if (type.name == "Enum8") return make_enum<std::int8_t>(type);
  if (type.name == "Enum16") return make_enum<std::int16_t>(type);
  if (type.name == "IPv4") return make_to_text(4, append_ipv4);
  if (type.name == "IPv6") return make_to_text(16, append_ipv6);
  if (type.name == "FixedString") {
    const auto width = static_cast<std::size_t>(type.precision);
    return make_to_text(width, [width](const std::byte* at, TextColumn& text) {
      text.append({reinterpret_cast<const char*>(at), width});
      return true;
    });
  }
  // Nothing: a byte a row without meaning, always under a NULL.
  if (type.name == "Nothing") {
    return make_to_text(1, [](const std::byte*, TextColumn& text) {
      text.append(std::string_view{});
      return true;
    });
  }
  return std::make_unique<TextDecoder>(data::Kind::String);
}

}  // namespace

std::unique_ptr<ColumnDecoder> make_decoder(const ColumnType& type, std::string_view server_zone) {
  const auto& name = type.name;
  if (name == "Nullable") return std::make_unique<NullableDecoder>(make_decoder(type.children[0], server_zone));
  if (name == "SimpleAggregateFunction") return make_decoder(type.children[0], server_zone);
  if (name == "LowCardinality") return make_dictionary_decoder(type.children[0], server_zone);
  const auto mapped = weir_type(type, server_zone);
  WEIR_CHECK(mapped.has_value());
  const auto& value = mapped->type;
  if (name == "Array") return std::make_unique<ListDecoder>(value, make_decoder(type.children[0], server_zone));
  if (name == "Tuple") return make_fields(type, value, server_zone);
  if (name == "Map" || name == "Nested") {
    return std::make_unique<ListDecoder>(value, make_fields(type, value.children->front().type, server_zone));
  }
  if (name == "Bool") return std::make_unique<BoolDecoder>();
  if (name == "UUID") return std::make_unique<UuidDecoder>();
  if (name == "JSON") return std::make_unique<JsonDecoder>();
  if (name == "Date") {
    return make_convert<std::uint16_t, std::int32_t>(value, name, [](std::uint16_t days, std::int32_t& out) {
      out = days;
      return true;
    });
  }
  if (name == "DateTime") {
    return make_convert<std::uint32_t, std::int64_t>(value, name, [](std::uint32_t seconds, std::int64_t& out) {
      out = seconds;
      return true;
    });
  }
  if (name == "Time") {
    return make_convert<std::int32_t, std::int64_t>(value, name, [](std::int32_t seconds, std::int64_t& out) {
      out = seconds;
      return seconds >= 0 && seconds <= 86'400;
    });
  }
  if (name == "DateTime64" || name == "Time64") return make_ticks(type, value);
  if (name == "Int128") return make_wide_integer<data::Int128>(type, value);
  if (name == "UInt128") return make_wide_integer<data::UInt128>(type, value);
  if (value.kind == data::Kind::Interval) return make_interval(type);
  if (value.kind == data::Kind::String) return make_text_from(type);
  return std::make_unique<FixedDecoder>(value);
}

}  // namespace weir::clickhouse
