#include "connectors/generate/spec.hpp"

namespace weir::generate {
namespace {

Setting integer(std::string name, std::string doc, Json otherwise = nullptr) {
  return {.name = std::move(name),
          .type = SettingType::Integer,
          .doc = std::move(doc),
          .need = otherwise.is_null() ? Need::Required : Need::Optional,
          .default_value = std::move(otherwise)};
}

Setting number(std::string name, std::string doc, Json otherwise = nullptr) {
  return {.name = std::move(name),
          .type = SettingType::Number,
          .doc = std::move(doc),
          .need = otherwise.is_null() ? Need::Required : Need::Optional,
          .default_value = std::move(otherwise)};
}

Setting group(std::string name, std::string doc, std::vector<Setting> fields) {
  return {.name = std::move(name), .type = SettingType::Group, .doc = std::move(doc), .fields = std::move(fields)};
}

Setting weights(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = SettingType::Map,
          .doc = std::move(doc),
          .fields = {{.name = "weight", .type = SettingType::Number}}};
}

Setting names(std::string name, std::string doc, Need need) {
  return {.name = std::move(name),
          .type = SettingType::List,
          .doc = std::move(doc),
          .need = need,
          .fields = {{.name = "item"}},
          .shorthand = Setting::Shorthand::Allowed};
}

Setting one_text(std::string name, std::string doc, Setting text) {
  return {.name = std::move(name),
          .type = SettingType::Group,
          .doc = std::move(doc),
          .fields = {std::move(text)},
          .shorthand = Setting::Shorthand::Allowed};
}

std::vector<Setting> column_settings() {
  const auto from = "The smallest value";
  const auto to = "The largest value, itself included";
  return {
      group("sequence", "Counts up by one a row", {integer("start", "The first row's value", 1)}),
      group("integer", "Whole numbers, each as likely as the other", {integer("from", from), integer("to", to)}),
      group("decimal", "Decimal numbers, each as likely as the other",
            {number("from", from), number("to", to), integer("scale", "Digits after the point", 2)}),
      group("zipf", "Whole numbers of which a few are popular and many are rare: rank r has the weight 1 / r^exponent",
            {integer("from", from),
             integer("to", to),
             number("exponent", "0 is uniform; about 1 is usual", 1),
             {.name = "shuffle",
              .type = SettingType::Flag,
              .doc = "Popular values lie anywhere in the range, not at its begin",
              .default_value = false}}),
      weights("choice", "Texts with their weights, as in {North: 3, South: 1}"),
      group("date", "Days up to the run's date, itself included",
            {integer("days", "How many", 365),
             {.name = "order",
              .type = SettingType::Choice,
              .doc = "Whether rows come in the order of their dates",
              .default_value = "random",
              .choices = {"random", "ascending"}},
             weights("weekdays", "Weights of weekdays other than 1, as in {saturday: 1.4}"),
             weights("months", "Weights of months other than 1, as in {december: 1.8}"),
             number("growth", "How much more the last day has than the first: 0.2 is a fifth more", 0)}),
      group("walk", "A number for each value of a key column that drifts as time goes on, as prices do",
            {{.name = "by", .doc = "The key column: zipf or integer", .need = Need::Required},
             {.name = "over", .doc = "The date column", .need = Need::Required},
             number("from", "The smallest number at the begin"),
             number("to", "The largest number at the begin"),
             integer("scale", "Digits after the point", 2),
             number("drift", "The mean change a year: 0.05 is 5 % up", 0),
             number("volatility", "The standard deviation of a year's change", 0),
             integer("every_days", "After how many days the number changes", 7)}),
      one_text("formula", "Exact arithmetic over columns above: quantity * price",
               {.name = "expression", .doc = "Numbers, columns above, + - * and ( )", .need = Need::Required}),
      one_text("text", "A text with columns above in braces: C-{customer_id:6}",
               {.name = "pattern",
                .doc = "A number after a colon pads with zeros to that many digits",
                .need = Need::Required}),
      {.name = "output",
       .type = SettingType::Flag,
       .doc = "false: the column only feeds others and is not written",
       .default_value = true},
  };
}

std::vector<Setting> defect_settings() {
  const auto rate = number("rate", "The share of rows that are spoilt so");
  const auto within = integer("within", "How many rows back the original may lie", 10'000);
  const auto columns = names("columns", "One of them is spoilt, each as likely as the other", Need::Required);
  const auto values = [](std::string doc, Need need) { return names("values", std::move(doc), need); };
  return {
      group("duplicate", "An earlier row once more, byte for byte", {rate, within}),
      group("conflict", "An earlier row's key with other values",
            {rate, within, names("keep", "The columns that are the earlier row's", Need::Required)}),
      group("empty", "Nothing where a value belongs", {rate, columns}),
      group("malformed", "Text that is no number, or no date",
            {rate, columns, values("Texts to write instead of the usual ones", Need::Optional)}),
      group("negative", "A number with a minus before it", {rate, columns}),
      group("unknown", "A text that is none of the accepted ones",
            {rate, columns, values("Such texts, each as likely as the other", Need::Required)}),
      group("mismatch", "A number that no longer follows from the others",
            {rate,
             columns,
             {.name = "indivisible_by",
              .doc = "Makes the number indivisible by this column's, which proves it wrong; rows where that is 1 stay "
                     "right"}}),
      group("whitespace", "Spaces before or behind the value", {rate, columns}),
      group("case", "Other upper and lower case", {rate, columns}),
  };
}

}  // namespace

std::vector<Setting> generator_settings() {
  return {
      {.name = "name", .doc = "What is generated"},
      {.name = "description", .doc = "For people"},
      {.name = "columns",
       .type = SettingType::Map,
       .doc = "The columns in their order; each may use those above it",
       .need = Need::Required,
       .fields = {group("column", "What the column holds", column_settings())}},
      group("defects",
            "What is wrong with some rows, so that cleaning has work: at most one defect a row, at stated rates",
            defect_settings()),
  };
}

}  // namespace weir::generate
