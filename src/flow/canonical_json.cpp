#include "flow/canonical_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json.hpp"

namespace weir::flow {
namespace {

// PostgreSQL's numeric has at most so many digits in front of the point; what is beyond fits no jsonb either.
constexpr int kExponentMax = 131'072;

struct ShorterFirst {
  bool operator()(const std::string& one, const std::string& other) const {
    return one.size() != other.size() ? one.size() < other.size() : one < other;
  }
};

// A number's digits with their point moved by its exponent: "1.50e1" → "15.0". False where numeric cannot hold it.
bool append_number(std::string& out, std::string_view number) {
  const bool is_negative = number.front() == '-';
  if (is_negative) number.remove_prefix(1);
  int exponent = 0;
  if (const auto e = number.find_first_of("eE"); e != std::string_view::npos) {
    auto power = number.substr(e + 1);
    if (power.front() == '+') power.remove_prefix(1);
    const auto read = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (read.ec != std::errc{} || exponent > kExponentMax || exponent < -kExponentMax) return false;
    number = number.substr(0, e);
  }
  const auto point = std::min(number.find('.'), number.size());
  std::string digits{number.substr(0, point)};
  if (point < number.size()) digits += number.substr(point + 1);
  auto before_point = static_cast<int>(point) + exponent;
  if (before_point > static_cast<int>(digits.size()))
    digits.append(static_cast<std::size_t>(before_point) - digits.size(), '0');
  if (before_point < 1) {
    digits.insert(0, static_cast<std::size_t>(1 - before_point), '0');
    before_point = 1;
  }
  auto whole = digits.substr(0, static_cast<std::size_t>(before_point));
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  if (is_negative && digits.find_first_not_of('0') != std::string::npos) out += '-';
  out += whole;
  if (static_cast<std::size_t>(before_point) < digits.size())
    out += '.' + digits.substr(static_cast<std::size_t>(before_point));
  return true;
}

// Takes a text's events and keeps each value as its canonical text. False ends the reading: not JSON, or not jsonb.
class CanonicalSax {
 public:
  using Parsed = nlohmann::json;

  bool null() { return take("null"); }
  bool boolean(bool value) { return take(value ? "true" : "false"); }
  bool number_integer(Parsed::number_integer_t value) { return take(std::to_string(value)); }
  bool number_unsigned(Parsed::number_unsigned_t value) { return take(std::to_string(value)); }
  // Also integers of more than 64 bits.
  bool number_float(Parsed::number_float_t, const std::string& written) {
    std::string text;
    return append_number(text, written) && take(std::move(text));
  }
  bool string(std::string& value) {
    if (value.find('\0') != std::string::npos) return false;
    return take(to_text(value));
  }
  bool binary(Parsed::binary_t&) { return false; }
  bool start_object(std::size_t) {
    open_.push_back({.is_object = true, .key = {}, .members = {}, .elements = {}});
    return true;
  }
  bool key(std::string& name) {
    if (name.find('\0') != std::string::npos) return false;
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() {
    std::string text = "{";
    for (const auto& [name, value] : open_.back().members) {
      if (text.size() > 1) text += ", ";
      text += to_text(name) + ": " + value;
    }
    open_.pop_back();
    return take(text + "}");
  }
  bool start_array(std::size_t) {
    open_.push_back({});
    return true;
  }
  bool end_array() {
    std::string text = "[";
    for (const auto& value : open_.back().elements) {
      if (text.size() > 1) text += ", ";
      text += value;
    }
    open_.pop_back();
    return take(text + "]");
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) { return false; }

  const std::string& text() const { return text_; }

 private:
  struct Container {
    bool is_object = false;
    std::string key;
    std::map<std::string, std::string, ShorterFirst> members;
    std::vector<std::string> elements;
  };

  bool take(std::string value) {
    if (open_.empty()) {
      text_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().members.insert_or_assign(open_.back().key, std::move(value));
    } else {
      open_.back().elements.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Container> open_;
  std::string text_;
};

}  // namespace

void append_canonical_json(std::string& out, std::string_view json) {
  CanonicalSax sax;
  // "-0" is an integer to the parser and loses nothing: jsonb has no negative zero either.
  out += nlohmann::json::sax_parse(json, &sax) ? std::string_view{sax.text()} : json;
}

}  // namespace weir::flow
