#include "connectors/generate/spec.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace weir::generate {
namespace {

constexpr std::int64_t kValuesMax = 1 << 20;     // of a zipf range: 8 MB of weights
constexpr std::int64_t kWalkCellsMax = 4 << 20;  // keys × steps: 32 MB
constexpr std::int64_t kDaysMax = 36'600;
constexpr int kScaleMax = 9;

// Not for NaN.
bool lies_in(double value, double low, double high) { return value >= low && value <= high; }

constexpr std::array<std::string_view, 7> kWeekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                    "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
constexpr std::array<std::string_view, kDefectKinds> kDefects{
    "duplicate", "conflict", "empty", "malformed", "negative", "unknown", "mismatch", "whitespace", "case"};
constexpr std::array<std::string_view, 18> kColumnKinds{
    "sequence", "integer", "decimal",   "zipf", "choice",  "date", "walk",   "formula", "text",
    "skewed",   "flag",    "timestamp", "same", "running", "last", "struct", "list",    "by"};
constexpr std::array<std::string_view, 24> kHours{"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",
                                                  "8",  "9",  "10", "11", "12", "13", "14", "15",
                                                  "16", "17", "18", "19", "20", "21", "22", "23"};

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// Reads the settings and collects the mistakes.
class Reader {
 public:
  explicit Reader(const Settings& settings) : settings_(settings) {}

  SpecOutcome read() {
    const auto& columns = settings_.json("columns");
    if (columns.empty())
      mistake("columns", "a generator has no columns", "write columns: {id: {sequence: {start: 1}}}");
    for (const auto& [name, settings] : columns.items()) column(name, Settings{settings}, "columns." + name);
    spec_.columns = top_.columns;
    if (mistakes_.empty() && spec_.schema().fields.empty())
      mistake("columns", "no column is written", "remove output: false");
    defects(settings_.group("defects"));
    if (mistakes_.empty() && !spec_.defects.empty() && spec_.is_of_documents()) {
      mistake("defects", "defects spoil lines of text, and these rows are documents",
              "give a column present: 0.98, or odd: {rate: 0.01, values: [\"n/a\"]}");
    }
    if (!mistakes_.empty()) return {std::nullopt, std::move(mistakes_)};
    return {std::move(spec_), {}};
  }

 private:
  void mistake(std::string path, std::string message, std::string hint = {}) {
    mistakes_.push_back(
        {std::move(path), Error{Fault::User, Code::InvalidProject, std::move(message)}.hint(std::move(hint))});
  }

  static std::int64_t integer(const Settings& settings, std::string_view key, std::int64_t otherwise) {
    return settings.has(key) ? settings.integer(key) : otherwise;
  }
  static double number(const Settings& settings, std::string_view key, double otherwise) {
    return settings.has(key) ? settings.number(key) : otherwise;
  }

  // A column above the one that is being read.
  std::optional<std::size_t> find(std::string_view name) const {
    // The nearest: a column hides one of its name around the list or object that it stands in.
    for (auto i = scope_->columns.size(); i-- > 0;) {
      if (scope_->columns[i].name == name) return i;
    }
    return std::nullopt;
  }

  void column(const std::string& name, const Settings& settings, const std::string& path) {
    std::vector<std::string_view> kinds;
    for (const auto kind : kColumnKinds) {
      if (settings.has(kind)) kinds.push_back(kind);
    }
    if (kinds.size() != 1) {
      mistake(path, fmt::format("column {} says {} what it holds", name, kinds.empty() ? "nowhere" : "more than once"),
              fmt::format("give it exactly one of {}", fmt::join(kColumnKinds, ", ")));
      return;
    }
    ColumnSpec column{name, Sequence{}, !settings.has("output") || settings.flag("output")};
    column.path = scope_path_ + name;
    const auto kind = kinds.front();
    const auto inner = path + "." + std::string{kind};
    const bool is_group = settings.json(kind).is_object();
    const auto group = is_group ? settings.group(kind) : Settings{};
    const auto before = mistakes_.size();
    if (kind == "sequence") column.kind = Sequence{integer(group, "start", 1)};
    if (kind == "integer") column.kind = uniform(group, inner, 0);
    if (kind == "decimal") column.kind = uniform(group, inner, static_cast<int>(integer(group, "scale", 2)));
    if (kind == "zipf") column.kind = zipf(group, inner);
    if (kind == "choice") column.kind = choice(settings.json(kind), inner);
    if (kind == "date") column.kind = days(group, inner);
    if (kind == "walk") column.kind = walk(group, inner);
    if (kind == "formula") column.kind = formula(is_group ? group.text("expression") : settings.text(kind), inner);
    if (kind == "text") column.kind = pattern(is_group ? group.text("pattern") : settings.text(kind), inner);
    if (kind == "skewed") column.kind = skewed(group, inner);
    if (kind == "flag") column.kind = flag(group, inner);
    if (kind == "timestamp") column.kind = moment(group, inner);
    if (kind == "same") column.kind = same(is_group ? group.text("column") : settings.text(kind), inner);
    if (kind == "running") column.kind = running(is_group ? group.text("column") : settings.text(kind), inner);
    if (kind == "last") column.kind = last(is_group ? group.text("column") : settings.text(kind), inner);
    if (kind == "struct") column.kind = Record{scope(settings.json(kind), inner, column.path, {})};
    if (kind == "list") column.kind = elements(group, inner, column.path);
    if (kind == "by") column.kind = alternatives(group, inner, column.path);
    irregularities(settings, path, column);
    // A broken column still stands for its name, so that others may refer to it.
    if (mistakes_.size() != before) column.kind = Sequence{};
    scope_->columns.push_back(std::move(column));
  }

  Uniform uniform(const Settings& group, const std::string& path, int scale) {
    if (scale < 0 || scale > kScaleMax) {
      mistake(path + ".scale", fmt::format("scale is outside of 0 to 9: {}", scale));
      return {};
    }
    const double limit = 9e18 / static_cast<double>(power_of_ten(scale));
    const double from = number(group, "from", 0);
    const double to = number(group, "to", 0);
    if (std::abs(from) > limit || std::abs(to) > limit) {
      mistake(path, "the range does not fit 64 bits");
      return {};
    }
    if (to < from) mistake(path + ".to", fmt::format("the range ends before it begins: {} to {}", from, to));
    if (scale == 0) return {integer(group, "from", 0), integer(group, "to", 0), 0};
    const auto unit = static_cast<double>(power_of_ten(scale));
    return {std::llround(from * unit), std::llround(to * unit), scale};
  }

  Zipf zipf(const Settings& group, const std::string& path) {
    const Zipf zipf{integer(group, "from", 1), integer(group, "to", 1), number(group, "exponent", 1),
                    group.has("shuffle") && group.flag("shuffle")};
    if (zipf.to < zipf.from) {
      mistake(path + ".to", fmt::format("the range ends before it begins: {} to {}", zipf.from, zipf.to));
    } else if (static_cast<std::uint64_t>(zipf.to) - static_cast<std::uint64_t>(zipf.from) >= kValuesMax) {
      mistake(path + ".to", fmt::format("a zipf range holds at most {} values", kValuesMax));
    }
    if (!lies_in(zipf.exponent, 0, 10)) {
      mistake(path + ".exponent", fmt::format("exponent is outside of 0 to 10: {}", zipf.exponent));
    }
    return zipf;
  }

  Choice choice(const Json& values, const std::string& path) {
    Choice choice;
    double total = 0;
    for (const auto& [value, weight] : values.items()) {
      choice.values.push_back(value);
      choice.weights.push_back(weight.is_number() ? weight.get<double>() : -1);
      if (!(choice.weights.back() >= 0))
        mistake(fmt::format("{}.{}", path, value), fmt::format("a weight is negative: {}", to_text(weight)));
      total += choice.weights.back();
    }
    if (!(total > 0)) mistake(path, "the weights add up to nothing", "write choice: {North: 3, South: 1}");
    return choice;
  }

  Days days(const Settings& group, const std::string& path) {
    Days days;
    days.count = integer(group, "days", 365);
    if (days.count < 1 || days.count > kDaysMax) {
      mistake(path + ".days", fmt::format("days is outside of 1 to {}: {}", kDaysMax, days.count));
    }
    days.ends_before = integer(group, "ends_before", 0);
    if (days.ends_before < 0 || days.ends_before > kDaysMax) {
      mistake(path + ".ends_before", fmt::format("ends_before is outside of 0 to {}: {}", kDaysMax, days.ends_before));
    }
    days.is_ascending = group.text("order") == "ascending";
    days.growth = number(group, "growth", 0);
    if (!(days.growth > -1)) mistake(path + ".growth", fmt::format("growth is not above -1: {}", days.growth));
    weights(group, "weekdays", path, kWeekdays, days.weekday_weights);
    weights(group, "months", path, kMonths, days.month_weights);
    return days;
  }

  void weights(const Settings& group, std::string_view key, const std::string& path,
               std::span<const std::string_view> names, double* weights) {
    for (const auto& [name, weight] : group.json(key).items()) {
      const auto place = fmt::format("{}.{}.{}", path, key, name);
      const auto found = std::ranges::find(names, name);
      if (found == names.end()) {
        mistake(place, fmt::format("unknown name in {}: {}", key, name), fmt::format("use {}", fmt::join(names, ", ")));
      } else if (!weight.is_number() || !(weight.get<double>() > 0)) {
        mistake(place, fmt::format("a weight is not above 0: {}", to_text(weight)));
      } else {
        weights[found - names.begin()] = weight.get<double>();
      }
    }
  }

  Walk walk(const Settings& group, const std::string& path) {
    Walk walk;
    walk.from = number(group, "from", 1);
    walk.to = number(group, "to", walk.from);
    walk.scale = static_cast<int>(integer(group, "scale", 2));
    walk.drift = number(group, "drift", 0);
    walk.volatility = number(group, "volatility", 0);
    walk.every_days = integer(group, "every_days", 7);
    if (walk.scale < 0 || walk.scale > kScaleMax)
      mistake(path + ".scale", fmt::format("scale is outside of 0 to 9: {}", walk.scale));
    if (!(walk.from > 0) || !(walk.to <= 1e9)) mistake(path + ".from", "a walk lies between 0 and 1000000000");
    if (walk.to < walk.from)
      mistake(path + ".to", fmt::format("the range ends before it begins: {} to {}", walk.from, walk.to));
    if (walk.every_days < 1)
      mistake(path + ".every_days", fmt::format("every_days is not above 0: {}", walk.every_days));
    if (!(walk.volatility >= 0))
      mistake(path + ".volatility", fmt::format("volatility is negative: {}", walk.volatility));

    const auto key = find(group.text("by"));
    const auto date = find(group.text("over"));
    const auto* keys = key ? std::get_if<Zipf>(&scope_->columns[*key].kind) : nullptr;
    const auto* integers = key ? std::get_if<Uniform>(&scope_->columns[*key].kind) : nullptr;
    if (keys == nullptr && (integers == nullptr || integers->scale != 0)) {
      mistake(path + ".by", fmt::format("no zipf or integer column above has this name: {}", group.text("by")));
      return walk;
    }
    if (!date || !std::holds_alternative<Days>(scope_->columns[*date].kind)) {
      mistake(path + ".over", fmt::format("no date column above has this name: {}", group.text("over")));
      return walk;
    }
    walk.key = *key;
    walk.date = *date;
    const auto count = keys != nullptr ? keys->to - keys->from + 1 : integers->to - integers->from + 1;
    const auto steps =
        std::get<Days>(scope_->columns[*date].kind).count / std::max<std::int64_t>(walk.every_days, 1) + 1;
    if (count > kWalkCellsMax / steps) {
      mistake(path, fmt::format("a walk of {} keys with {} steps is too large", count, steps),
              "let it step more seldom with every_days, or use fewer keys");
    }
    return walk;
  }

  Arithmetic formula(const std::string& text, const std::string& path) {
    Formula::Mistake wrong;
    auto formula = Formula::parse(
        text,
        [&](std::string_view name) -> std::optional<Formula::Operand> {
          const auto column = find(name);
          const auto scale = column ? scope_->columns[*column].scale() : std::nullopt;
          if (!scale) return std::nullopt;
          return Formula::Operand{*column, *scale};
        },
        wrong);
    if (!formula) {
      mistake(path, fmt::format("formula {}: {}", text, wrong.message),
              "write it of numbers, columns above, + - * and ( )");
      return {};
    }
    return {std::move(*formula)};
  }

  // "C-{customer_id:6}": a column's name in braces, then how many digits it has at least.
  TextPattern pattern(const std::string& text, const std::string& path) {
    TextPattern pattern;
    std::string_view rest = text;
    for (;;) {
      const auto open = rest.find('{');
      TextPattern::Piece piece{std::string{rest.substr(0, open)}, std::nullopt, 0};
      if (open == std::string_view::npos) {
        pattern.pieces.push_back(std::move(piece));
        return pattern;
      }
      const auto close = rest.find('}', open);
      if (close == std::string_view::npos) {
        mistake(path, fmt::format("text {}: a {{ is never closed", text));
        return pattern;
      }
      auto name = rest.substr(open + 1, close - open - 1);
      if (const auto colon = name.find(':'); colon != std::string_view::npos) {
        const auto width = name.substr(colon + 1);
        if (width.empty() || width.size() > 2 || width.find_first_not_of("0123456789") != std::string_view::npos) {
          mistake(path, fmt::format("text {}: not a number of digits: {}", text, width));
          return pattern;
        }
        piece.width = std::stoi(std::string{width});
        name = name.substr(0, colon);
      }
      piece.column = find(name);
      if (!piece.column) {
        mistake(path, fmt::format("text {}: no column above has this name: {}", text, name));
        return pattern;
      }
      pattern.pieces.push_back(std::move(piece));
      rest = rest.substr(close + 1);
    }
  }

  Skewed skewed(const Settings& group, const std::string& path) {
    const Skewed skewed{number(group, "median", 1), number(group, "spread", 1), number(group, "from", 0),
                        number(group, "to", 0), static_cast<int>(integer(group, "scale", 0))};
    if (skewed.scale < 0 || skewed.scale > kScaleMax)
      mistake(path + ".scale", fmt::format("scale is outside of 0 to 9: {}", skewed.scale));
    if (!(skewed.median > 0)) mistake(path + ".median", fmt::format("median is not above 0: {}", skewed.median));
    if (!lies_in(skewed.spread, 0, 10))
      mistake(path + ".spread", fmt::format("spread is outside of 0 to 10: {}", skewed.spread));
    if (skewed.to < skewed.from)
      mistake(path + ".to", fmt::format("the range ends before it begins: {} to {}", skewed.from, skewed.to));
    if (std::abs(skewed.from) > 1e9 || std::abs(skewed.to) > 1e9)
      mistake(path + ".to", "a skewed number lies between -1000000000 and 1000000000");
    return skewed;
  }

  Flag flag(const Settings& group, const std::string& path) {
    const Flag flag{number(group, "rate", 0.5)};
    if (!lies_in(flag.rate, 0, 1)) mistake(path + ".rate", fmt::format("rate is outside of 0 to 1: {}", flag.rate));
    return flag;
  }

  Moment moment(const Settings& group, const std::string& path) {
    Moment moment;
    const bool is_after = group.has("after");
    if (is_after == group.has("date")) {
      mistake(path, "a timestamp takes either date or after",
              "write {date: a_date} or {after: a_timestamp, seconds: a_number}");
      return moment;
    }
    const auto name = group.text(is_after ? "after" : "date");
    const auto base = find(name);
    const auto kind =
        base && scope_->columns[*base].has_values() ? scope_->columns[*base].plain_type().kind : data::Kind::String;
    if (kind != data::Kind::Date && (!is_after || kind != data::Kind::Timestamp)) {
      mistake(path, fmt::format("no date{} column above has this name: {}", is_after ? " or timestamp" : "", name));
      return moment;
    }
    moment.base = *base;
    if (is_after) {
      moment.seconds = find(group.text("seconds"));
      const auto scale = moment.seconds ? scope_->columns[*moment.seconds].scale() : std::nullopt;
      if (!scale || *scale > 3) {
        mistake(path + ".seconds",
                fmt::format("no number column above, of at most three digits after the point, has this name: {}",
                            group.text("seconds")));
      } else {
        moment.seconds_scale = *scale;
      }
    } else if (group.has("hours")) {
      moment.hour_weights.assign(kHours.size(), 1);
      weights(group, "hours", path, kHours, moment.hour_weights.data());
    }
    return moment;
  }

  // A column above of which BlockValues has values.
  const ColumnSpec* value_column(const std::string& name, const std::string& path) {
    const auto found = find(name);
    if (found && scope_->columns[*found].has_values()) return &scope_->columns[*found];
    mistake(path, fmt::format("no column of single values above has this name: {}", name));
    return nullptr;
  }

  static Shown shown(const ColumnSpec& column) {
    return {column.plain_type(), column.texts() == nullptr ? std::vector<std::string>{} : *column.texts()};
  }

  Same same(const std::string& name, const std::string& path) {
    const auto* column = value_column(name, path);
    if (column == nullptr) return {};
    return {*find(name), shown(*column)};
  }

  Running running(const std::string& name, const std::string& path) {
    const auto column = find(name);
    const auto scale = column ? scope_->columns[*column].scale() : std::nullopt;
    if (!is_list_) mistake(path, "running adds up over the elements of a list, and this column is in none");
    if (!scale) mistake(path, fmt::format("no number column above has this name: {}", name));
    return {column.value_or(0), scope_->inherited.size(), scale.value_or(0)};
  }

  // "messages.at"
  Last last(const std::string& text, const std::string& path) {
    const auto dot = text.find('.');
    const auto list = find(text.substr(0, dot));
    const auto* elements = list ? std::get_if<Elements>(&scope_->columns[*list].kind) : nullptr;
    if (elements == nullptr || dot == std::string::npos) {
      mistake(path, fmt::format("last takes a list above and a column in it, not {}", text), "write last: messages.at");
      return {};
    }
    if (may_be_empty(*elements)) mistake(path, fmt::format("the list {} may be empty", text.substr(0, dot)));
    for (std::size_t i = 0; i < elements->fields->columns.size(); ++i) {
      const auto& column = elements->fields->columns[i];
      if (column.name == text.substr(dot + 1) && column.has_values()) return {*list, i, shown(column)};
    }
    mistake(path, fmt::format("no column of single values in the list {} has this name: {}", text.substr(0, dot),
                              text.substr(dot + 1)));
    return {};
  }

  bool may_be_empty(const Elements& elements) const {
    if (elements.is_worded) return std::ranges::any_of(elements.of_text, &std::vector<std::int64_t>::empty);
    const auto& kind = scope_->columns[elements.length].kind;
    if (const auto* zipf = std::get_if<Zipf>(&kind)) return zipf->from < 1;
    if (const auto* uniform = std::get_if<Uniform>(&kind)) return uniform->from < 1;
    return true;
  }

  enum class ScopeOf { Record, List };

  // The columns inside of one: those above that have values, then `given`, then its own.
  ScopePtr scope(const Json& columns, const std::string& path, const std::string& column_path,
                 std::vector<ColumnSpec> given, ScopeOf of = ScopeOf::Record) {
    Scope inner;
    for (std::size_t i = 0; i < scope_->columns.size(); ++i) {
      const auto& column = scope_->columns[i];
      if (!column.has_values()) continue;
      inner.inherited.push_back(i);
      inner.columns.push_back({column.name, Given{shown(column)}, false});
    }
    for (auto& column : given) inner.columns.push_back(std::move(column));
    auto* const around = std::exchange(scope_, &inner);
    const auto around_path = std::exchange(scope_path_, column_path + ".");
    const bool around_is_list = std::exchange(is_list_, of == ScopeOf::List);
    for (const auto& [name, settings] : columns.items())
      column(name, Settings{settings}, fmt::format("{}.{}", path, name));
    scope_ = around;
    scope_path_ = around_path;
    is_list_ = around_is_list;
    if (mistakes_.empty() && std::ranges::none_of(inner.columns, &ColumnSpec::is_written))
      mistake(path, "it has no column that is written", "write name: {integer: {from: 1, to: 9}}");
    return std::make_shared<const Scope>(std::move(inner));
  }

  Elements elements(const Settings& group, const std::string& path, const std::string& column_path) {
    Elements elements;
    elements.is_worded = group.has("words");
    if (elements.is_worded == group.has("length")) {
      mistake(path, "a list takes either length or words", "write length: a_column, or words: a_column");
      return elements;
    }
    const auto key = elements.is_worded ? "words" : "length";
    const auto column = find(group.text(key));
    std::vector<ColumnSpec> given{{"position", Given{{data::type_of(data::Kind::Int64), {}}}, false}};
    if (!column ||
        (elements.is_worded ? scope_->columns[*column].texts() == nullptr : scope_->columns[*column].scale() != 0)) {
      mistake(fmt::format("{}.{}", path, key),
              fmt::format("no column of {} above has this name: {}",
                          elements.is_worded ? "chosen texts" : "whole numbers", group.text(key)));
      return elements;
    }
    elements.length = *column;
    if (elements.is_worded) {
      for (const auto& text : *scope_->columns[*column].texts())
        elements.of_text.push_back(words_of(text, elements.words));
      given.push_back({"word", Given{{data::type_of(data::Kind::String), elements.words}}, false});
    }
    elements.fields = scope(group.json("columns"), path + ".columns", column_path, std::move(given), ScopeOf::List);
    return elements;
  }

  static std::vector<std::int64_t> words_of(std::string_view text, std::vector<std::string>& words) {
    std::vector<std::int64_t> indexes;
    while (!text.empty()) {
      const auto space = text.find(' ');
      const auto word = text.substr(0, space);
      text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
      if (word.empty()) continue;
      const auto found = std::ranges::find(words, word);
      indexes.push_back(found - words.begin());
      if (found == words.end()) words.emplace_back(word);
    }
    return indexes;
  }

  Alternatives alternatives(const Settings& group, const std::string& path, const std::string& column_path) {
    Alternatives alternatives;
    const auto column = find(group.text("column"));
    const auto* texts = column ? scope_->columns[*column].texts() : nullptr;
    if (texts == nullptr) {
      mistake(path + ".column", fmt::format("no column of chosen texts above has this name: {}", group.text("column")));
      return alternatives;
    }
    alternatives.column = *column;
    alternatives.of_text.resize(texts->size());
    const auto known = *texts;
    for (const auto& [text, settings] : group.json("of").items()) {
      const auto place = path + ".of";
      const auto found = std::ranges::find(known, text);
      if (found == known.end()) {
        mistake(fmt::format("{}.{}", place, text), fmt::format("{} never is {}", group.text("column"), text),
                fmt::format("it is one of {}", fmt::join(known, ", ")));
        continue;
      }
      alternatives.of_text[static_cast<std::size_t>(found - known.begin())] = alternatives.scopes.size();
      alternatives.scopes.push_back(scope(Json{{text, settings}}, place, column_path, {}));
    }
    if (alternatives.scopes.empty())
      mistake(path + ".of", "by has no alternatives", "write of: {a text: {integer: …}}");
    if (mistakes_.empty()) join(alternatives);
    return alternatives;
  }

  // What the alternatives come to: one type if they agree.
  static void join(Alternatives& alternatives) {
    const auto value = [](const ScopePtr& scope) -> const ColumnSpec& { return scope->columns.back(); };
    alternatives.type = value(alternatives.scopes.front()).type();
    const bool agree = std::ranges::all_of(alternatives.scopes, [&](const ScopePtr& scope) {
      return value(scope).type() == alternatives.type && value(scope).present == 1;
    });
    const bool are_values = std::ranges::all_of(alternatives.scopes, [&](const ScopePtr& scope) {
      return value(scope).has_values() &&
             (value(scope).texts() != nullptr) == (alternatives.type.kind == data::Kind::String);
    });
    if (!agree || alternatives.type.kind == data::Kind::List || alternatives.type.kind == data::Kind::Struct) {
      alternatives.type = data::type_of(data::Kind::Json);
      return;
    }
    if (!are_values) return;
    alternatives.shown = Shown{alternatives.type, {}};
    if (alternatives.type.kind != data::Kind::String) return;
    auto& all = alternatives.shown->texts;
    for (const auto& scope : alternatives.scopes) {
      auto& indexes = alternatives.index_of.emplace_back();
      for (const auto& text : *value(scope).texts()) {
        const auto found = std::ranges::find(all, text);
        indexes.push_back(found - all.begin());
        if (found == all.end()) all.push_back(text);
      }
    }
  }

  void irregularities(const Settings& settings, const std::string& path, ColumnSpec& column) {
    column.present = number(settings, "present", 1);
    if (!lies_in(column.present, 0, 1))
      mistake(path + ".present", fmt::format("present is outside of 0 to 1: {}", column.present));
    if (!settings.has("odd")) return;
    const auto odd = settings.group("odd");
    column.odd_rate = number(odd, "rate", 0);
    if (!lies_in(column.odd_rate, 0, 1))
      mistake(path + ".odd.rate", fmt::format("rate is outside of 0 to 1: {}", column.odd_rate));
    for (const auto& value : odd.json("values")) column.odd_values.push_back(to_text(value));
    if (column.odd_values.empty()) mistake(path + ".odd.values", "odd has no values", "write values: [\"n/a\", 4.5]");
  }

  void defects(const Settings& settings) {
    double total = 0;
    for (int i = 0; i < kDefectKinds; ++i) {
      const auto kind = static_cast<DefectKind>(i);
      if (!settings.has(name(kind))) continue;
      const auto group = settings.group(name(kind));
      auto defect = this->defect(kind, group, fmt::format("defects.{}", name(kind)));
      total += defect.rate;
      if (defect.rate > 0) spec_.defects.push_back(std::move(defect));
    }
    if (total > 0.5) mistake("defects", fmt::format("the rates add up to more than half of the rows: {}", total));
  }

  DefectSpec defect(DefectKind kind, const Settings& group, const std::string& path) {
    DefectSpec defect;
    defect.kind = kind;
    defect.rate = number(group, "rate", 0);
    if (!lies_in(defect.rate, 0, 0.5))
      mistake(path + ".rate", fmt::format("rate is outside of 0 to 0.5: {}", defect.rate));
    defect.within = integer(group, "within", defect.within);
    if (defect.within < 1) mistake(path + ".within", fmt::format("within is not above 0: {}", defect.within));
    defect.values = group.texts("values");
    if (kind == DefectKind::Duplicate) return defect;

    const auto key = kind == DefectKind::Conflict ? "keep" : "columns";
    for (const auto& name : group.texts(key)) {
      const auto found = find(name);
      if (!found || !scope_->columns[*found].is_written) {
        mistake(fmt::format("{}.{}", path, key), fmt::format("no written column has this name: {}", name));
        continue;
      }
      const auto& column = scope_->columns[*found];
      const bool is_number = column.scale().has_value();
      const bool is_text = column.type().kind == data::Kind::String;
      if ((kind == DefectKind::Negative || kind == DefectKind::Mismatch) && !is_number) {
        mistake(fmt::format("{}.{}", path, key),
                fmt::format("{} needs a number column: {}", generate::name(kind), name));
      }
      if ((kind == DefectKind::Case || kind == DefectKind::Unknown) && !is_text) {
        mistake(fmt::format("{}.{}", path, key), fmt::format("{} needs a text column: {}", generate::name(kind), name));
      }
      if (kind == DefectKind::Malformed && is_text) {
        mistake(fmt::format("{}.{}", path, key), fmt::format("malformed needs a number or date column: {}", name));
      }
      defect.columns.push_back(*found);
    }
    if (defect.columns.empty()) {
      mistake(path, fmt::format("{} names no columns", generate::name(kind)), fmt::format("write {}: [a, b]", key));
    }
    if (kind == DefectKind::Unknown && defect.values.empty())
      mistake(path, "unknown has no values", "write values: [Nowhere]");
    if (group.has("indivisible_by")) {
      const auto divisor = find(group.text("indivisible_by"));
      if (!divisor || scope_->columns[*divisor].scale() != 0) {
        mistake(path + ".indivisible_by",
                fmt::format("no column of whole numbers has this name: {}", group.text("indivisible_by")));
      } else {
        defect.indivisible_by = divisor;
      }
    }
    return defect;
  }

  const Settings& settings_;
  Spec spec_;
  Scope top_;
  Scope* scope_ = &top_;    // the columns among which the one that is read stands
  std::string scope_path_;  // of the columns around it: "messages."
  bool is_list_ = false;    // whether these are a list's elements
  std::vector<SpecMistake> mistakes_;
};

}  // namespace

std::string_view name(DefectKind kind) { return kDefects[static_cast<std::size_t>(kind)]; }

SpecOutcome parse_spec(const Settings& settings) { return Reader{settings}.read(); }

}  // namespace weir::generate
