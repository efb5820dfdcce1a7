#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::generate {

// An exact arithmetic expression over columns: + - * ( ), numbers and names. Values are whole numbers with a scale, as in
// data::DecimalValue: 1.50 is 150 with scale 2.
class Formula {
 public:
  struct Mistake {
    std::string message;
  };
  struct Operand {
    std::size_t column = 0;
    int scale = 0;
  };
  // `find` says which column a name is and its scale; nothing where it is not a number.
  static std::optional<Formula> parse(std::string_view text,
                                      const std::function<std::optional<Operand>(std::string_view)>& find,
                                      Mistake& mistake);

  int scale() const { return scale_; }
  // `columns[i]` are the values of column i. False when a value does not fit 64 bits.
  bool evaluate(std::span<const std::vector<std::int64_t>> columns, std::size_t rows,
                std::vector<std::int64_t>& out) const;

 private:
  friend class FormulaParser;

  // In reverse Polish order.
  struct Step {
    enum class Kind { Column, Number, Add, Subtract, Multiply } kind = Kind::Number;
    std::size_t column = 0;
    std::int64_t number = 0;  // Number: its value; Add, Subtract: the factor that brings the left operand to the scale
    std::int64_t right = 1;   // Add, Subtract: the right operand's factor
  };
  std::vector<Step> steps_;
  int scale_ = 0;
};

}  // namespace weir::generate
