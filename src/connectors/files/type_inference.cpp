#include "connectors/files/type_inference.hpp"

#include <algorithm>

#include "data/text.hpp"

namespace weir::files {
namespace {

constexpr std::size_t kExactDigits = 15;  // of any decimal number, a double keeps these

bool parses(data::Kind kind, std::string_view text) {
  data::ColumnBuilder builder{kind == data::Kind::Timestamp ? data::timestamp(data::TimeUnit::Micro)
                                                            : data::type_of(kind)};
  return data::append_parsed(builder, text).ok();
}

bool is_number_like(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  return text.front() != '0' || text.size() == 1 || text[1] < '0' || text[1] > '9';
}

bool is_exact_float(std::string_view text) {
  const auto digits = std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return static_cast<std::size_t>(digits) <= kExactDigits && parses(data::Kind::Float64, text);
}

}  // namespace

void TypeInference::observe(std::string_view text) {
  seen_ = true;
  if (can_be_bool_) can_be_bool_ = text == "true" || text == "false";
  const bool is_number = (can_be_integer_ || can_be_float_) && is_number_like(text);
  if (can_be_integer_) can_be_integer_ = is_number && parses(data::Kind::Int64, text);
  if (can_be_float_) can_be_float_ = is_number && is_exact_float(text);
  if (can_be_date_) can_be_date_ = parses(data::Kind::Date, text);
  if (can_be_timestamp_) can_be_timestamp_ = parses(data::Kind::Timestamp, text);
}

data::Type TypeInference::type() const {
  using data::Kind;
  if (!seen_) return data::type_of(Kind::String);
  if (can_be_bool_) return data::type_of(Kind::Bool);
  if (can_be_integer_) return data::type_of(Kind::Int64);
  if (can_be_float_) return data::type_of(Kind::Float64);
  if (can_be_date_) return data::type_of(Kind::Date);
  if (can_be_timestamp_) return data::timestamp(data::TimeUnit::Micro);
  return data::type_of(Kind::String);
}

}  // namespace weir::files
