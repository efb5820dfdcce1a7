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

// Columns within columns within columns: deeper is refused, since every level is described by itself.
constexpr int kLevelsMax = 3;

std::vector<Setting> column_settings(int levels);

Setting columns(std::string name, std::string doc, int levels) {
  return {.name = std::move(name),
          .type = SettingType::Map,
          .doc = std::move(doc),
          .fields = {group("column", "What the column holds", column_settings(levels))}};
}

// What only documents have.
std::vector<Setting> nested_settings(int levels) {
  return {
      columns("struct", "An object: its columns, which may use those above it", levels),
      group("list", "A list: its columns are those of an element, or its value where only one is written, called value",
            {{.name = "length", .doc = "A column of whole numbers above: how many elements, at most 1000"},
             {.name = "words", .doc = "A column of chosen texts above instead: an element for each word, called word"},
             columns("columns", "An element's columns; position counts the elements from 0", levels)}),
      group("by", "One of several, by what another column says",
            {{.name = "column", .doc = "A column of chosen texts above", .need = Need::Required},
             columns("of", "What it is for which text; nothing for texts that are not listed", levels)}),
  };
}

std::vector<Setting> value_settings() {
  const auto from = "Smaller numbers become this one";
  const auto to = "Larger numbers become this one";
  return {
      group("skewed", "Numbers of which half lie below the median and a few far above, as waiting times do",
            {number("median", "Half of the numbers are below"),
             number("spread", "The standard deviation of the logarithm: 1 is much", 1), number("from", from, 0),
             number("to", to), integer("scale", "Digits after the point", 0)}),
      group("flag", "true or false", {number("rate", "The share of true", 0.5)}),
      group("timestamp", "An instant to the millisecond: some time of a day, or so many seconds after another column",
            {{.name = "date", .doc = "A date column above"},
             weights("hours", "Weights of hours other than 1, as in {3: 0.1}"),
             {.name = "after", .doc = "A timestamp or date column above"},
             {.name = "seconds", .doc = "How many seconds after: a number column above"}}),
      one_text("same", "The same as a column above, to write it under another name",
               {.name = "column", .doc = "The column", .need = Need::Required}),
      one_text("running", "The sum of a column over a list's elements so far, this one included",
               {.name = "column", .doc = "The column", .need = Need::Required}),
      one_text("last", "What the last element of a list above has: messages.at",
               {.name = "column", .doc = "The list, a point, the column", .need = Need::Required}),
      number("present", "The share of rows that have the column at all", 1),
      group("odd", "A value of another type now and then",
            {number("rate", "The share of such values"),
             {.name = "values",
              .type = SettingType::List,
              .doc = "Each as likely as the other",
              .need = Need::Required,
              .fields = {{.name = "item", .type = SettingType::Any}}}}),
  };
}

std::vector<Setting> flat_settings();

std::vector<Setting> column_settings(int levels) {
  auto settings = flat_settings();
  for (auto& setting : value_settings()) settings.push_back(std::move(setting));
  if (levels == 0) return settings;
  for (auto& setting : nested_settings(levels - 1)) settings.push_back(std::move(setting));
  return settings;
}

std::vector<Setting> flat_settings() {
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
             integer("ends_before", "How many days before the run's date the last one lies", 0),
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
       .fields = {group("column", "What the column holds", column_settings(kLevelsMax))}},
      group("defects",
            "What is wrong with some rows, so that cleaning has work: at most one defect a row, at stated rates",
            defect_settings()),
  };
}

}  // namespace weir::generate
