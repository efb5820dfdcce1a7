#include "connectors/generate/formula.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weir::generate {
namespace {

constexpr int kScaleMax = 9;

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

// Recursive descent; each level leaves its steps behind and returns the scale of its value.
class FormulaParser {
 public:
  using Find = std::function<std::optional<Formula::Operand>(std::string_view)>;
  using Kind = Formula::Step::Kind;

  FormulaParser(std::string_view text, const Find& find, Formula& formula, Formula::Mistake& mistake)
      : rest_(text), find_(find), formula_(formula), mistake_(mistake) {}

  bool whole() {
    const auto scale = sum();
    if (!scale) return false;
    skip_spaces();
    if (!rest_.empty()) return fail(fmt::format("unexpected: {}", rest_)).has_value();
    formula_.scale_ = *scale;
    return true;
  }

 private:
  std::optional<int> sum() {
    auto left = product();
    for (;;) {
      skip_spaces();
      if (!left || rest_.empty() || (rest_.front() != '+' && rest_.front() != '-')) return left;
      const auto kind = rest_.front() == '+' ? Kind::Add : Kind::Subtract;
      rest_.remove_prefix(1);
      const auto right = product();
      if (!right) return std::nullopt;
      const int scale = std::max(*left, *right);
      formula_.steps_.push_back({kind, 0, power_of_ten(scale - *left), power_of_ten(scale - *right)});
      left = scale;
    }
  }

  std::optional<int> product() {
    auto left = operand();
    for (;;) {
      skip_spaces();
      if (!left || rest_.empty() || rest_.front() != '*') return left;
      rest_.remove_prefix(1);
      const auto right = operand();
      if (!right) return std::nullopt;
      formula_.steps_.push_back({Kind::Multiply, 0, 0, 1});
      left = *left + *right;
      if (*left > kScaleMax) return fail("the product has more than nine digits after the point");
    }
  }

  std::optional<int> operand() {
    skip_spaces();
    if (rest_.empty()) return fail("it ends where a value is expected");
    if (rest_.front() == '(') {
      rest_.remove_prefix(1);
      const auto scale = sum();
      skip_spaces();
      if (!scale) return std::nullopt;
      if (rest_.empty() || rest_.front() != ')') return fail("a ( is never closed");
      rest_.remove_prefix(1);
      return scale;
    }
    if (is_digit(rest_.front())) return number();
    std::size_t size = 0;
    while (size < rest_.size() && is_name(rest_[size])) ++size;
    if (size == 0) return fail(fmt::format("unexpected: {}", rest_));
    const auto name = rest_.substr(0, size);
    const auto found = find_(name);
    if (!found) return fail(fmt::format("no number column above has this name: {}", name));
    rest_.remove_prefix(size);
    formula_.steps_.push_back({Kind::Column, found->column, 0, 1});
    return found->scale;
  }

  std::optional<int> number() {
    std::int64_t value = 0;
    int scale = -1;
    std::size_t size = 0;
    for (; size < rest_.size() && (is_digit(rest_[size]) || (rest_[size] == '.' && scale < 0)); ++size) {
      if (rest_[size] == '.') {
        scale = 0;
        continue;
      }
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, rest_[size] - '0', &value)) {
        return fail("a number is too large");
      }
      if (scale >= 0) ++scale;
    }
    if (scale > kScaleMax) return fail("a number has more than nine digits after the point");
    rest_.remove_prefix(size);
    formula_.steps_.push_back({Kind::Number, 0, value, 1});
    return std::max(scale, 0);
  }

  void skip_spaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  std::optional<int> fail(std::string message) {
    mistake_.message = std::move(message);
    return std::nullopt;
  }

  std::string_view rest_;
  const Find& find_;
  Formula& formula_;
  Formula::Mistake& mistake_;
};

std::optional<Formula> Formula::parse(std::string_view text, const FormulaParser::Find& find, Mistake& mistake) {
  Formula formula;
  if (!FormulaParser{text, find, formula, mistake}.whole()) return std::nullopt;
  return formula;
}

bool Formula::evaluate(std::span<const std::vector<std::int64_t>> columns, std::size_t rows,
                       std::vector<std::int64_t>& out) const {
  // The common case, quantity × price, without a stack.
  if (steps_.size() == 3 && steps_[0].kind == Step::Kind::Column && steps_[1].kind == Step::Kind::Column &&
      steps_[2].kind == Step::Kind::Multiply) {
    const auto* left = columns[steps_[0].column].data();
    const auto* right = columns[steps_[1].column].data();
    bool overflows = false;
    for (std::size_t row = 0; row < rows; ++row) overflows |= __builtin_mul_overflow(left[row], right[row], &out[row]);
    return !overflows;
  }
  bool overflows = false;
  std::vector<std::int64_t> stack(steps_.size());
  for (std::size_t row = 0; row < rows; ++row) {
    std::size_t top = 0;  // behind the last value
    for (const auto& step : steps_) {
      if (step.kind == Step::Kind::Column) {
        stack[top++] = columns[step.column][row];
        continue;
      }
      if (step.kind == Step::Kind::Number) {
        stack[top++] = step.number;
        continue;
      }
      --top;
      auto& left = stack[top - 1];
      auto right = stack[top];
      if (step.kind == Step::Kind::Multiply) {
        overflows |= __builtin_mul_overflow(left, right, &left);
        continue;
      }
      overflows |= __builtin_mul_overflow(left, step.number, &left);
      overflows |= __builtin_mul_overflow(right, step.right, &right);
      overflows |= step.kind == Step::Kind::Add ? __builtin_add_overflow(left, right, &left)
                                                : __builtin_sub_overflow(left, right, &left);
    }
    out[row] = stack[0];
  }
  return !overflows;
}

}  // namespace weir::generate
