#include "base/setting.hpp"

#include <array>
#include <charconv>

#include "base/check.hpp"
#include "base/clock.hpp"

namespace weir {
namespace {

const Json kNull;

}  // namespace

const Json& Settings::json(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? kNull : *found;
}

bool Settings::has(std::string_view name) const { return !json(name).is_null(); }

std::string Settings::text(std::string_view name) const {
  const auto& value = json(name);
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

std::int64_t Settings::integer(std::string_view name) const {
  const auto& value = json(name);
  WEIR_CHECK(value.is_number_integer());
  return value.get<std::int64_t>();
}

double Settings::number(std::string_view name) const {
  const auto& value = json(name);
  WEIR_CHECK(value.is_number());
  return value.get<double>();
}

bool Settings::flag(std::string_view name) const {
  const auto& value = json(name);
  WEIR_CHECK(value.is_boolean() || value.is_null());
  return value.is_boolean() && value.get<bool>();
}

std::chrono::milliseconds Settings::duration(std::string_view name) const {
  const auto duration = parse_duration(text(name));
  WEIR_CHECK(duration.has_value());
  return *duration;
}

std::uint64_t Settings::bytes(std::string_view name) const {
  const auto bytes = parse_bytes(text(name));
  WEIR_CHECK(bytes.has_value());
  return *bytes;
}

Secret Settings::secret(std::string_view name) const { return Secret{text(name)}; }

std::vector<std::string> Settings::texts(std::string_view name) const {
  std::vector<std::string> texts;
  for (const auto& value : json(name)) texts.push_back(value.is_string() ? value.get<std::string>() : to_text(value));
  return texts;
}

Settings Settings::group(std::string_view name) const {
  const auto& value = json(name);
  return value.is_null() ? Settings{} : Settings{value};
}

std::vector<Settings> Settings::groups(std::string_view name) const {
  std::vector<Settings> groups;
  for (const auto& value : json(name)) groups.emplace_back(value);
  return groups;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"", 1},
                                                                       {"B", 1},
                                                                       {"kB", 1e3},
                                                                       {"MB", 1e6},
                                                                       {"GB", 1e9},
                                                                       {"KiB", 1024.0},
                                                                       {"MiB", 1024.0 * 1024},
                                                                       {"GiB", 1024.0 * 1024 * 1024}}};
  for (const auto& [name, scale] : kUnits) {
    if (unit == name) return static_cast<std::uint64_t>(value * scale);
  }
  return std::nullopt;
}

}  // namespace weir
