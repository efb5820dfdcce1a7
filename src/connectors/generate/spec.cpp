#include "connectors/generate/spec.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace weir::generate {
namespace {

constexpr std::int64_t kValuesMax = 1 << 20;     // of a zipf range: 8 MB of weights
constexpr std::int64_t kWalkCellsMax = 4 << 20;  // keys × steps: 32 MB
constexpr std::int64_t kDaysMax = 36'600;
constexpr int kScaleMax = 9;

constexpr std::array<std::string_view, 7> kWeekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                    "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
constexpr std::array<std::string_view, kDefectKinds> kDefects{
    "duplicate", "conflict", "empty", "malformed", "negative", "unknown", "mismatch", "whitespace", "case"};
constexpr std::array<std::string_view, 9> kColumnKinds{"sequence", "integer", "decimal", "zipf", "choice",
                                                       "date",     "walk",    "formula", "text"};

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
    for (const auto& [name, settings] : columns.items()) column(name, Settings{settings});
    if (spec_.schema().fields.empty() && mistakes_.empty())
      mistake("columns", "no column is written", "remove output: false");
    defects(settings_.group("defects"));
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
    const auto found = std::ranges::find(spec_.columns, name, &ColumnSpec::name);
    if (found == spec_.columns.end()) return std::nullopt;
    return static_cast<std::size_t>(found - spec_.columns.begin());
  }

  void column(const std::string& name, const Settings& settings) {
    const auto path = "columns." + name;
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
    // A broken column still stands for its name, so that others may refer to it.
    if (mistakes_.size() != before) column.kind = Sequence{};
    spec_.columns.push_back(std::move(column));
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
    if (!(zipf.exponent >= 0 && zipf.exponent <= 10)) {
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
        mistake(path + "." + value, fmt::format("a weight is negative: {}", to_text(weight)));
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
    if (!(walk.from > 0 && walk.to <= 1e9)) mistake(path + ".from", "a walk lies between 0 and 1000000000");
    if (walk.to < walk.from)
      mistake(path + ".to", fmt::format("the range ends before it begins: {} to {}", walk.from, walk.to));
    if (walk.every_days < 1)
      mistake(path + ".every_days", fmt::format("every_days is not above 0: {}", walk.every_days));
    if (!(walk.volatility >= 0))
      mistake(path + ".volatility", fmt::format("volatility is negative: {}", walk.volatility));

    const auto key = find(group.text("by"));
    const auto date = find(group.text("over"));
    const auto* keys = key ? std::get_if<Zipf>(&spec_.columns[*key].kind) : nullptr;
    const auto* integers = key ? std::get_if<Uniform>(&spec_.columns[*key].kind) : nullptr;
    if (keys == nullptr && (integers == nullptr || integers->scale != 0)) {
      mistake(path + ".by", fmt::format("no zipf or integer column above has this name: {}", group.text("by")));
      return walk;
    }
    if (!date || !std::holds_alternative<Days>(spec_.columns[*date].kind)) {
      mistake(path + ".over", fmt::format("no date column above has this name: {}", group.text("over")));
      return walk;
    }
    walk.key = *key;
    walk.date = *date;
    const auto count = keys != nullptr ? keys->to - keys->from + 1 : integers->to - integers->from + 1;
    const auto steps = std::get<Days>(spec_.columns[*date].kind).count / std::max<std::int64_t>(walk.every_days, 1) + 1;
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
          const auto scale = column ? spec_.columns[*column].scale() : std::nullopt;
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
    if (!(defect.rate >= 0 && defect.rate <= 0.5))
      mistake(path + ".rate", fmt::format("rate is outside of 0 to 0.5: {}", defect.rate));
    defect.within = integer(group, "within", defect.within);
    if (defect.within < 1) mistake(path + ".within", fmt::format("within is not above 0: {}", defect.within));
    defect.values = group.texts("values");
    if (kind == DefectKind::Duplicate) return defect;

    const auto key = kind == DefectKind::Conflict ? "keep" : "columns";
    for (const auto& name : group.texts(key)) {
      const auto found = find(name);
      if (!found || !spec_.columns[*found].is_written) {
        mistake(fmt::format("{}.{}", path, key), fmt::format("no written column has this name: {}", name));
        continue;
      }
      const auto& column = spec_.columns[*found];
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
      if (!divisor || spec_.columns[*divisor].scale() != 0) {
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
  std::vector<SpecMistake> mistakes_;
};

}  // namespace

std::string_view name(DefectKind kind) { return kDefects[static_cast<std::size_t>(kind)]; }

std::optional<int> ColumnSpec::scale() const {
  if (std::holds_alternative<Sequence>(kind) || std::holds_alternative<Zipf>(kind)) return 0;
  if (const auto* uniform = std::get_if<Uniform>(&kind)) return uniform->scale;
  if (const auto* walk = std::get_if<Walk>(&kind)) return walk->scale;
  if (const auto* arithmetic = std::get_if<Arithmetic>(&kind)) return arithmetic->formula.scale();
  return std::nullopt;
}

data::Type ColumnSpec::type() const {
  if (std::holds_alternative<Days>(kind)) return data::type_of(data::Kind::Date);
  const auto digits = scale();
  if (!digits) return data::type_of(data::Kind::String);
  return *digits == 0 ? data::type_of(data::Kind::Int64) : data::decimal(18, *digits);
}

data::Schema Spec::schema() const {
  data::Schema schema;
  for (const auto& column : columns) {
    if (!column.is_written) continue;
    // A defect may leave a cell empty or put anything into it.
    if (defects.empty()) {
      schema.fields.push_back({column.name, column.type(), data::Nullable::No});
    } else {
      schema.fields.push_back({column.name, data::type_of(data::Kind::String), data::Nullable::Yes});
    }
  }
  return schema;
}

SpecOutcome parse_spec(const Settings& settings) { return Reader{settings}.read(); }

}  // namespace weir::generate
