#include "connectors/postgres/numeric.hpp"

#include <algorithm>
#include <array>

#include "connectors/postgres/wire.hpp"

namespace weir::postgres {
namespace {

constexpr int kGroupDigits = 4;
constexpr std::uint64_t kGroup = 10'000;
constexpr std::size_t kHeadBytes = 8;
constexpr std::array<int, 5> kSmallPowers{1, 10, 100, 1000, 10'000};

constexpr std::array<std::uint64_t, 20> kPowersOfTen = [] {
  std::array<std::uint64_t, 20> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

int digits_of(int group) { return group >= 1000 ? 4 : group >= 100 ? 3 : group >= 10 ? 2 : group > 0 ? 1 : 0; }

// Writes head and groups; `groups` are big end first and may carry zeros at both ends, which the server wants stripped.
void append_groups(data::BufferBuilder& out, bool negative, int weight, int scale,
                   std::span<const std::int16_t> groups) {
  while (!groups.empty() && groups.front() == 0) {
    groups = groups.subspan(1);
    --weight;
  }
  while (!groups.empty() && groups.back() == 0) groups = groups.first(groups.size() - 1);
  if (groups.empty()) {
    weight = 0;
    negative = false;
  }
  auto* at = out.extend(kHeadBytes + groups.size() * 2);
  store_big_endian(at, static_cast<std::int16_t>(groups.size()));
  store_big_endian(at + 2, static_cast<std::int16_t>(weight));
  store_big_endian(at + 4, static_cast<std::uint16_t>(negative ? NumericSign::Negative : NumericSign::Positive));
  store_big_endian(at + 6, static_cast<std::uint16_t>(scale));
  at += kHeadBytes;
  for (const auto group : groups) {
    store_big_endian(at, group);
    at += 2;
  }
}

}  // namespace

std::optional<NumericView> NumericView::parse(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeadBytes) return std::nullopt;
  NumericView view;
  view.count_ = load_big_endian<std::uint16_t>(bytes.data());
  view.weight_ = load_big_endian<std::int16_t>(bytes.data() + 2);
  view.sign_ = static_cast<NumericSign>(load_big_endian<std::uint16_t>(bytes.data() + 4));
  view.shown_scale_ = load_big_endian<std::uint16_t>(bytes.data() + 6);
  view.groups_ = bytes.data() + kHeadBytes;
  if (bytes.size() != kHeadBytes + static_cast<std::size_t>(view.count_) * 2) return std::nullopt;
  return view;
}

int NumericView::group(int index) const {
  return index < 0 || index >= count_ ? 0
                                      : load_big_endian<std::int16_t>(groups_ + static_cast<std::ptrdiff_t>(index) * 2);
}

void NumericView::append_text(std::string& out) const {
  if (sign_ == NumericSign::NaN) {
    out += "NaN";
    return;
  }
  if (sign_ == NumericSign::Negative || sign_ == NumericSign::MinusInfinity) out += '-';
  if (!finite()) {
    out += "Infinity";
    return;
  }
  const auto append_group = [&out](int group, int digits) {
    for (int place = 0; place < digits; ++place) {
      const auto power = kSmallPowers[static_cast<std::size_t>(kGroupDigits - 1 - place)];
      out += static_cast<char>('0' + group / power % 10);
    }
  };
  if (weight_ < 0) {
    out += '0';
  } else {
    const auto leading = group(0);
    out += std::to_string(leading);
    for (int i = 1; i <= weight_; ++i) append_group(group(i), kGroupDigits);
  }
  if (shown_scale_ == 0) return;
  out += '.';
  int left = shown_scale_;
  for (int i = weight_ + 1; left > 0; ++i, left -= kGroupDigits) append_group(group(i), std::min(left, kGroupDigits));
}

template <typename T>
std::optional<T> NumericView::unscaled(int precision, int scale) const {
  if (count_ == 0) return T{0};
  const auto digits_before_point = weight_ * kGroupDigits + digits_of(group(0));
  if (digits_before_point > precision - scale) return std::nullopt;
  T value = 0;
  int exponent = weight_ * kGroupDigits;  // of the group's last digit
  int reached = -scale;                   // the exponent of value's last digit
  for (int i = 0; i < count_; ++i, exponent -= kGroupDigits) {
    const auto digits = group(i);
    if (exponent >= -scale) {
      value = value * static_cast<T>(kGroup) + digits;
      reached = exponent;
      continue;
    }
    const auto cut = std::min(-scale - exponent, kGroupDigits);
    const auto power = kSmallPowers[static_cast<std::size_t>(cut)];
    if (digits % power != 0) return std::nullopt;
    value = value * kSmallPowers[static_cast<std::size_t>(kGroupDigits - cut)] + digits / power;
    reached = -scale;
  }
  for (; reached > -scale; --reached) value *= 10;
  return sign_ == NumericSign::Negative ? -value : value;
}

template std::optional<std::int64_t> NumericView::unscaled(int, int) const;
template std::optional<data::Int128> NumericView::unscaled(int, int) const;

void append_numeric(data::BufferBuilder& out, std::int64_t unscaled, int scale) {
  const auto negative = unscaled < 0;
  const auto magnitude = negative ? ~static_cast<std::uint64_t>(unscaled) + 1 : static_cast<std::uint64_t>(unscaled);
  const auto power = kPowersOfTen[static_cast<std::size_t>(scale)];
  auto whole = magnitude / power;
  const auto fraction_groups = (scale + kGroupDigits - 1) / kGroupDigits;
  const auto padding =
      static_cast<std::uint64_t>(kSmallPowers[static_cast<std::size_t>(fraction_groups * kGroupDigits - scale)]);
  std::array<std::int16_t, 12> groups;
  auto first = groups.size();
  const auto put_fraction = [&](auto fraction) {
    for (int i = 0; i < fraction_groups; ++i, fraction /= kGroup)
      groups[--first] = static_cast<std::int16_t>(fraction % kGroup);
  };
  // Padded to whole groups, the fraction of a scale above 16 takes up to 20 digits: more than 64 bits.
  if (fraction_groups <= 4) {
    put_fraction(magnitude % power * padding);
  } else {
    put_fraction(static_cast<data::UInt128>(magnitude % power) * padding);
  }
  int whole_groups = 0;
  for (; whole != 0; whole /= kGroup, ++whole_groups) groups[--first] = static_cast<std::int16_t>(whole % kGroup);
  append_groups(out, negative, whole_groups - 1, scale, std::span{groups}.subspan(first));
}

void append_numeric(data::BufferBuilder& out, const data::Int256& unscaled, int scale) {
  std::string digits;
  data::append_decimal(digits, unscaled, 0);
  const auto negative = digits.front() == '-';
  if (negative) digits.erase(0, 1);
  // Both sides of the point are padded to whole groups.
  if (std::cmp_less_equal(digits.size(), scale))
    digits.insert(0, static_cast<std::size_t>(scale) + 1 - digits.size(), '0');
  const auto whole_digits = digits.size() - static_cast<std::size_t>(scale);
  digits.insert(0, (kGroupDigits - whole_digits % kGroupDigits) % kGroupDigits, '0');
  digits.append((kGroupDigits - static_cast<std::size_t>(scale) % kGroupDigits) % kGroupDigits, '0');
  std::array<std::int16_t, 40> groups{};
  const auto count = digits.size() / kGroupDigits;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* at = digits.data() + i * kGroupDigits;
    groups[i] =
        static_cast<std::int16_t>((at[0] - '0') * 1000 + (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0'));
  }
  const auto weight = static_cast<int>((whole_digits + kGroupDigits - 1) / kGroupDigits) - 1;
  append_groups(out, negative, weight, scale, std::span{groups}.first(count));
}

}  // namespace weir::postgres
