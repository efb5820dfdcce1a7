#include <fmt/format.h>

#include <array>

#include "connectors/generate/generator.hpp"
#include "data/decimal.hpp"

namespace weir::generate {
namespace {

std::string malformed_number(std::uint64_t how, const std::string& text) {
  switch (how % 6) {
    case 0: return "n/a";
    case 1: return text + "O";  // the letter
    case 2: return text + ",5";
    case 3: return "--" + text;
    case 4: return text + ".3.1";
    default: return "#REF!";
  }
}

std::string malformed_date(std::uint64_t how, const std::string& text) {
  switch (how % 5) {
    case 0: return text.substr(8, 2) + "/" + text.substr(5, 2) + "/" + text.substr(0, 4);
    case 1: return text.substr(0, 5) + "13" + text.substr(7);
    case 2: return text.substr(0, 5) + "02-30";
    case 3: return "n/a";
    default: return "yesterday";
  }
}

std::string padded(std::uint64_t how, const std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSpaces{
      {{" ", ""}, {"", " "}, {"  ", " "}, {"", "   "}}};
  const auto& [before, behind] = kSpaces[how % kSpaces.size()];
  return fmt::format("{}{}{}", before, text, behind);
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

enum class CaseChange { Upper, Lower, Swapped };

std::string with_case(CaseChange change, std::string text) {
  for (auto& c : text) {
    if ((is_upper(c) && change != CaseChange::Upper) || (is_lower(c) && change != CaseChange::Lower)) {
      c = static_cast<char>(c ^ 0x20);
    }
  }
  return text;
}

bool change_case(std::uint64_t how, std::string& text) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto changed = with_case(static_cast<CaseChange>((how + i) % 3), text);
    if (changed == text) continue;
    text = std::move(changed);
    return true;
  }
  return false;
}

bool mismatch(const SpoilContext& context, std::uint64_t how, bool must_be_indivisible, std::string& text) {
  auto value = context.value;
  if (must_be_indivisible) {
    if (context.divisor < 2) return false;
    const auto divisor = static_cast<std::uint64_t>(context.divisor);
    const auto remainder = 1 + static_cast<std::int64_t>(how % (divisor - 1));
    const auto multiples = static_cast<std::int64_t>((how >> 32) % 100);
    value += remainder - value % context.divisor + multiples * context.divisor;
    if (value == context.value) value += context.divisor;
  } else {
    value += 1 + static_cast<std::int64_t>(how % 1000);
  }
  text.clear();
  data::append_decimal(text, data::Int128{value}, *context.column.scale());
  return true;
}

}  // namespace

bool spoil(const DefectSpec& defect, const SpoilContext& context, std::uint64_t random, std::string& text) {
  switch (defect.kind) {
    case DefectKind::Empty: text.clear(); return true;
    case DefectKind::Malformed:
      if (!defect.values.empty()) {
        text = defect.values[random % defect.values.size()];
      } else if (context.column.scale()) {
        text = malformed_number(random, text);
      } else {
        text = malformed_date(random, text);
      }
      return true;
    case DefectKind::Negative:
      if (context.value <= 0) return false;
      text.insert(0, 1, '-');
      return true;
    case DefectKind::Unknown: text = defect.values[random % defect.values.size()]; return true;
    case DefectKind::Mismatch: return mismatch(context, random, defect.indivisible_by.has_value(), text);
    case DefectKind::Whitespace: text = padded(random, text); return true;
    case DefectKind::Case: return change_case(random, text);
    case DefectKind::Duplicate:
    case DefectKind::Conflict: break;
  }
  return false;
}

}  // namespace weir::generate
