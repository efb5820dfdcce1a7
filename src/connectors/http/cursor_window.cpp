#include "connectors/http/cursor_window.hpp"

#include <charconv>
#include <cmath>

#include "base/clock.hpp"
#include "data/column.hpp"
#include "data/text.hpp"

namespace weir::http {
namespace {

using documents::Value;

std::optional<std::int64_t> parse_micros(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  data::ColumnBuilder builder{data::timestamp(data::TimeUnit::Micro, "UTC")};
  std::string whole{text};
  if (whole.size() == 10) whole += "T00:00:00Z";
  if (!data::append_parsed(builder, whole).ok()) return std::nullopt;
  return builder.finish().values<std::int64_t>()[0];
}

std::string number_text(double number) {
  return number == std::floor(number) && std::abs(number) < 9e15 ? fmt::format("{}", static_cast<std::int64_t>(number))
                                                                 : fmt::format("{}", number);
}

// In the form in which the API writes them, as far as that can be seen.
std::string time_text(std::int64_t micros, const std::string& like) {
  const auto text = format_instant(Instant{std::chrono::microseconds{micros}});
  return like.size() == 10 ? text.substr(0, 10) : text;
}

Result<CursorValue> minus_lag(CursorValue value, const std::string& lag) {
  if (lag.empty()) return value;
  if (value.kind == CursorValue::Kind::Time) {
    const auto duration = parse_duration(lag);
    if (!duration) return Error::user(Code::InvalidProject, "a lag of times is a duration such as 2d or 6h: {}", lag);
    value.micros -= std::chrono::microseconds{*duration}.count();
    value.text = time_text(value.micros, value.text);
    return value;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(lag.data(), lag.data() + lag.size(), number);
  if (value.kind != CursorValue::Kind::Number || error != std::errc{} || end != lag.data() + lag.size()) {
    return Error::user(Code::InvalidProject, "the lag does not fit values such as {}: {}", value.text, lag);
  }
  value.number -= number;
  value.text = number_text(value.number);
  return value;
}

}  // namespace

std::optional<CursorValue> CursorValue::read(const ItemField& field) {
  CursorValue value;
  value.text = field.text;
  if (field.kind == Value::Kind::Number) {
    value.kind = Kind::Number;
    std::from_chars(field.text.data(), field.text.data() + field.text.size(), value.number);
    return value;
  }
  if (field.kind != Value::Kind::String || field.text.empty()) return std::nullopt;
  if (const auto micros = parse_micros(field.text)) {
    value.kind = Kind::Time;
    value.micros = *micros;
  }
  return value;
}

std::optional<CursorValue> CursorValue::read(const Json& json) {
  if (json.is_number()) return read(ItemField{Value::Kind::Number, weir::to_text(json)});
  if (json.is_string()) return read(ItemField{Value::Kind::String, json.get<std::string>()});
  return std::nullopt;
}

std::weak_ordering CursorValue::operator<=>(const CursorValue& other) const {
  if (kind != other.kind) return text <=> other.text;
  switch (kind) {
    case Kind::Number:
      return number < other.number   ? std::weak_ordering::less
             : number > other.number ? std::weak_ordering::greater
                                     : std::weak_ordering::equivalent;
    case Kind::Time: return micros <=> other.micros;
    case Kind::Text: break;
  }
  return text <=> other.text;
}

Result<CursorWindow> CursorWindow::open(const CursorRule& rule, const Json& state) {
  CursorWindow window{rule};
  if (state.is_object() && state.contains("value")) {
    window.last_ = CursorValue::read(state.at("value"));
    for (const auto& fingerprint : state.value("boundary", Json::array()))
      window.boundary_.insert(fingerprint.get<std::string>());
    if (window.last_) window.begin_ = WEIR_TRY(minus_lag(*window.last_, rule.lag));
    window.greatest_ = window.last_;
    window.at_greatest_ = window.boundary_;
  } else {
    window.begin_ = CursorValue::read(rule.start);
  }
  window.end_ = CursorValue::read(rule.end);
  if (window.begin_) window.from_text_ = window.begin_->text;
  if (window.end_) window.to_text_ = window.end_->text;
  return window;
}

Result<CursorWindow::Verdict> CursorWindow::judge(const ItemField& field, const std::string& fingerprint) const {
  const auto value = CursorValue::read(field);
  if (!value) {
    switch (rule_->missing) {
      case CursorRule::Missing::Skip: return Verdict::Skip;
      case CursorRule::Missing::Load: return Verdict::Take;
      case CursorRule::Missing::Fail: break;
    }
    return Error{Fault::External, Code::InvalidData, "an item without the cursor's value"}.hint(
        "check the cursor's path, or set cursor: {missing: skip} or load");
  }
  if (begin_ && *value < *begin_) {
    return rule_->order == CursorRule::Order::Descending ? Verdict::SkipAndStop : Verdict::Skip;
  }
  if (end_ && *value >= *end_)
    return rule_->order == CursorRule::Order::Ascending ? Verdict::SkipAndStop : Verdict::Skip;
  if (last_ && *value == *last_ && boundary_.contains(fingerprint)) return Verdict::Skip;
  return Verdict::Take;
}

void CursorWindow::advance(const ItemField& field, const std::string& fingerprint) {
  auto value = CursorValue::read(field);
  if (!value || (greatest_ && *value < *greatest_)) return;
  if (!greatest_ || *value > *greatest_) {
    greatest_ = std::move(value);
    at_greatest_.clear();
  }
  at_greatest_.insert(fingerprint);
}

Json CursorWindow::state() const {
  if (!greatest_) return nullptr;
  Json value = greatest_->text;
  if (greatest_->kind == CursorValue::Kind::Number) {
    if (auto number = parse_json(greatest_->text); number.ok()) value = std::move(*number);
  }
  return {{"value", std::move(value)}, {"boundary", at_greatest_}};
}

}  // namespace weir::http
