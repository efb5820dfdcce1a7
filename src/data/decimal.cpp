#include "data/decimal.hpp"

#include <algorithm>

namespace weir::data {
namespace {

constexpr std::size_t kDigitsMax = 76;
constexpr std::size_t kWordDigits = 19;  // the most decimal digits that always fit 64 bits

constexpr std::array<std::uint64_t, 20> kPowersOfTen = [] {
  std::array<std::uint64_t, 20> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

Int256 negated(const Int256& value) {
  Int256 result;
  std::uint64_t carry = 1;
  for (std::size_t i = 0; i < 4; ++i) {
    result.words[i] = ~value.words[i] + carry;
    carry = carry != 0 && result.words[i] == 0 ? 1 : 0;
  }
  return result;
}

// The arithmetic below is on magnitudes: unsigned 256-bit values. -2^255 is its own magnitude.
Int256 magnitude(const Int256& value) { return value.negative() ? negated(value) : value; }

enum class Overflow : bool { No, Yes };

// value = value * factor + addend
Overflow multiply_add(Int256& value, std::uint64_t factor, std::uint64_t addend) {
  UInt128 carry = addend;
  for (auto& word : value.words) {
    carry += static_cast<UInt128>(word) * factor;
    word = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return carry == 0 ? Overflow::No : Overflow::Yes;
}

// value = value / divisor; returns the remainder.
std::uint64_t divide(Int256& value, std::uint64_t divisor) {
  UInt128 rest = 0;
  for (std::size_t i = 4; i-- > 0;) {
    rest = rest << 64 | value.words[i];
    value.words[i] = static_cast<std::uint64_t>(rest / divisor);
    rest %= divisor;
  }
  return static_cast<std::uint64_t>(rest);
}

bool is_less(const Int256& left, const Int256& right) {
  return std::lexicographical_compare(left.words.rbegin(), left.words.rend(), right.words.rbegin(), right.words.rend());
}

// 10^exponent for 0..76.
const Int256& power_of_ten(int exponent) {
  static const auto kPowers = [] {
    std::array<Int256, kDigitsMax + 1> table{};
    table[0].words[0] = 1;
    for (std::size_t i = 1; i < table.size(); ++i) {
      table[i] = table[i - 1];
      multiply_add(table[i], 10, 0);
    }
    return table;
  }();
  return kPowers[static_cast<std::size_t>(exponent)];
}

// Writes the digits of a magnitude so that they end before `end`; returns their begin. At least one digit.
char* write_digits(char* end, std::uint64_t value) {
  do {
    *--end = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return end;
}

char* write_digits(char* end, Int256 value) {
  while ((value.words[1] | value.words[2] | value.words[3]) != 0) {
    auto* const begin = end - kWordDigits;
    end = write_digits(end, divide(value, kPowersOfTen[kWordDigits]));
    while (end != begin) *--end = '0';
  }
  return write_digits(end, value.words[0]);
}

// Puts the point into digits that end at `end`; there is room for leading zeros before `begin`.
void append_pointed(std::string& out, bool negative, char* begin, const char* end, int scale) {
  while (end - begin <= scale) *--begin = '0';
  if (negative) out += '-';
  out.append(begin, static_cast<std::size_t>(end - begin - scale));
  if (scale == 0) return;
  out += '.';
  out.append(end - scale, static_cast<std::size_t>(scale));
}

// The digits of a decimal's text, gathered without its point and leading zeros.
struct Digits {
  std::array<char, kDigitsMax + 1> text;
  std::size_t count = 0;
  std::int64_t scale = 0;  // digits after the point, those in `trailing_zeros` included
  std::size_t zeros = 0;   // zeros seen after `text` that may turn out to be trailing
  bool too_many = false;

  void add(char digit) {
    if (digit == '0') {
      if (count != 0) ++zeros;
      return;
    }
    if (count + zeros + 1 > kDigitsMax) {
      too_many = true;
      return;
    }
    for (; zeros != 0; --zeros) text[count++] = '0';
    text[count++] = digit;
  }
};

std::optional<std::int64_t> parse_exponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min<std::int64_t>(value * 10 + (c - '0'), 1'000'000'000);
  }
  return negative ? -value : value;
}

}  // namespace

Int256 Int256::from(Int128 value) {
  const auto extension = value < 0 ? ~std::uint64_t{0} : 0;
  return {{static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(value >> 64), extension, extension}};
}

void append_decimal(std::string& out, const Int256& unscaled, int scale) {
  std::array<char, kDigitsMax + 8> buffer;  // 77 digits of 2^255, or the leading zeros that the scale asks for
  auto* const end = buffer.data() + buffer.size();
  append_pointed(out, unscaled.negative(), write_digits(end, magnitude(unscaled)), end, scale);
}

void append_decimal(std::string& out, Int128 unscaled, int scale) {
  const auto size = unscaled < 0 ? -static_cast<UInt128>(unscaled) : static_cast<UInt128>(unscaled);
  if (size >> 64 != 0) {
    append_decimal(out, Int256::from(unscaled), scale);
    return;
  }
  std::array<char, kDigitsMax + 8> buffer;
  auto* const end = buffer.data() + buffer.size();
  append_pointed(out, unscaled < 0, write_digits(end, static_cast<std::uint64_t>(size)), end, scale);
}

std::optional<DecimalValue> parse_decimal(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  Digits digits;
  bool pointed = false;
  std::size_t seen = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c >= '0' && c <= '9') {
      digits.add(c);
      if (pointed) ++digits.scale;
      ++seen;
    } else if (c == '.' && !pointed) {
      pointed = true;
    } else {
      break;
    }
  }
  if (seen == 0) return std::nullopt;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    const auto exponent = parse_exponent(text.substr(at + 1));
    if (!exponent) return std::nullopt;
    digits.scale -= *exponent;
  }
  if (digits.too_many) return std::nullopt;

  // The value is text × 10^(zeros - scale). Trailing zeros are kept where they fit: 1.50 has scale 2.
  if (digits.count == 0)
    return DecimalValue{{}, static_cast<int>(std::clamp<std::int64_t>(digits.scale, 0, kDigitsMax))};
  if (digits.scale < 0) {
    digits.zeros += static_cast<std::size_t>(-digits.scale);
    digits.scale = 0;
  }
  const auto excess = std::max<std::int64_t>(
      {0, digits.scale - static_cast<std::int64_t>(kDigitsMax),
       static_cast<std::int64_t>(digits.count + digits.zeros) - static_cast<std::int64_t>(kDigitsMax)});
  if (excess > static_cast<std::int64_t>(digits.zeros) || excess > digits.scale) return std::nullopt;
  digits.zeros -= static_cast<std::size_t>(excess);
  digits.scale -= excess;

  Int256 value;
  for (std::size_t i = 0; i < digits.count;) {
    std::uint64_t word = 0;
    const auto block = std::min(kWordDigits, digits.count - i);
    for (std::size_t k = 0; k < block; ++k) word = word * 10 + static_cast<std::uint64_t>(digits.text[i + k] - '0');
    multiply_add(value, kPowersOfTen[block], word);
    i += block;
  }
  for (; digits.zeros > 0;) {
    const auto block = std::min(kWordDigits, digits.zeros);
    multiply_add(value, kPowersOfTen[block], 0);
    digits.zeros -= block;
  }
  return DecimalValue{negative ? negated(value) : value, static_cast<int>(digits.scale)};
}

std::optional<Int256> rescale(const DecimalValue& value, int precision, int scale) {
  auto size = magnitude(value.unscaled);
  for (int up = scale - value.scale; up > 0;) {
    const int block = std::min(up, static_cast<int>(kWordDigits));
    if (multiply_add(size, kPowersOfTen[static_cast<std::size_t>(block)], 0) == Overflow::Yes) return std::nullopt;
    up -= block;
  }
  for (int down = value.scale - scale; down > 0;) {
    const int block = std::min(down, static_cast<int>(kWordDigits));
    if (divide(size, kPowersOfTen[static_cast<std::size_t>(block)]) != 0) return std::nullopt;
    down -= block;
  }
  if (!is_less(size, power_of_ten(precision))) return std::nullopt;
  return value.unscaled.negative() ? negated(size) : size;
}

Int256 decimal_at(const Column& column, std::size_t row) {
  switch (value_width(column.type())) {
    case 4: return Int256::from(column.values<std::int32_t>()[row]);
    case 8: return Int256::from(column.values<std::int64_t>()[row]);
    case 16: {
      Int128 value;  // memcpy: a slice of a received buffer need not be aligned to 16 bytes
      std::memcpy(&value, column.values_buffer().data() + row * 16, 16);
      return Int256::from(value);
    }
    default: {
      Int256 value;
      std::memcpy(value.words.data(), column.values_buffer().data() + row * 32, 32);
      return value;
    }
  }
}

void append_decimal_value(ColumnBuilder& builder, const Int256& unscaled) {
  switch (value_width(builder.type())) {
    case 4: builder.append(static_cast<std::int32_t>(unscaled.words[0])); break;
    case 8: builder.append(static_cast<std::int64_t>(unscaled.words[0])); break;
    case 16: builder.append(std::array{unscaled.words[0], unscaled.words[1]}); break;
    default: builder.append(unscaled.words);
  }
}

}  // namespace weir::data
