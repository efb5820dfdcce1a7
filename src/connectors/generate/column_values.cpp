#include "connectors/generate/column_values.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "connectors/generate/alias_table.hpp"
#include "connectors/generate/random.hpp"
#include "data/calendar.hpp"

namespace weir::generate {
namespace {

using Rows = std::span<const std::uint64_t>;
using Out = std::vector<std::int64_t>;

class SequenceValues final : public ColumnValues {
 public:
  explicit SequenceValues(const Sequence& spec) : start_(spec.start) {}
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    bool overflows = false;
    for (std::size_t i = 0; i < rows.size(); ++i) overflows |= __builtin_add_overflow(start_, rows[i], &out[i]);
    return !overflows;
  }

 private:
  std::int64_t start_;
};

class UniformValues final : public ColumnValues {
 public:
  UniformValues(const Uniform& spec, RandomStream random)
      : from_(spec.from),
        count_(static_cast<std::uint64_t>(spec.to) - static_cast<std::uint64_t>(spec.from) + 1),
        random_(random) {}
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(from_) + random_.below(rows[i], count_));
    }
    return true;
  }

 private:
  std::int64_t from_;
  std::uint64_t count_;
  RandomStream random_;
};

std::vector<double> zipf_weights(const Zipf& spec) {
  std::vector<double> weights(static_cast<std::size_t>(spec.to - spec.from + 1));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::pow(static_cast<double>(i + 1), -spec.exponent);
  return weights;
}

class ZipfValues final : public ColumnValues {
 public:
  ZipfValues(const Zipf& spec, RandomStream random, RandomStream shuffle)
      : from_(spec.from), table_(zipf_weights(spec)), random_(random) {
    if (!spec.is_shuffled) return;
    value_of_rank_.resize(static_cast<std::size_t>(spec.to - spec.from + 1));
    std::iota(value_of_rank_.begin(), value_of_rank_.end(), 0U);
    for (auto i = value_of_rank_.size(); i > 1; --i)
      std::swap(value_of_rank_[i - 1], value_of_rank_[shuffle.below(i, i)]);
  }
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = from_ + table_.draw(random_.at(rows[i]));
    if (value_of_rank_.empty()) return true;
    for (std::size_t i = 0; i < rows.size(); ++i)
      out[i] = from_ + value_of_rank_[static_cast<std::size_t>(out[i] - from_)];
    return true;
  }

 private:
  std::int64_t from_;
  AliasTable table_;
  RandomStream random_;
  std::vector<std::uint32_t> value_of_rank_;
};

class ChoiceValues final : public ColumnValues {
 public:
  ChoiceValues(const Choice& spec, RandomStream random) : table_(spec.weights), random_(random) {}
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = table_.draw(random_.at(rows[i]));
    return true;
  }

 private:
  AliasTable table_;
  RandomStream random_;
};

std::int64_t first_day(const Days& spec, const Variation& variation) {
  return variation.last_day - spec.ends_before - spec.count + 1;
}

std::vector<double> day_weights(const Days& spec, const Variation& variation) {
  std::vector<double> weights(static_cast<std::size_t>(spec.count));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto day = first_day(spec, variation) + static_cast<std::int64_t>(i);
    const auto weekday = static_cast<std::size_t>(((day + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
    const auto month = static_cast<std::size_t>(data::civil_from_days(day).month - 1);
    const auto progress = static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(spec.count - 1, 1));
    weights[i] = spec.weekday_weights[weekday] * spec.month_weights[month] * (1 + spec.growth * progress);
  }
  return weights;
}

class RandomDays final : public ColumnValues {
 public:
  RandomDays(const Days& spec, const Variation& variation, RandomStream random)
      : first_(first_day(spec, variation)), table_(day_weights(spec, variation)), random_(random) {}
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = first_ + table_.draw(random_.at(rows[i]));
    return true;
  }

 private:
  std::int64_t first_;
  AliasTable table_;
  RandomStream random_;
};

// Every day gets its share of the rows, one day after the other.
class AscendingDays final : public ColumnValues {
 public:
  AscendingDays(const Days& spec, const Variation& variation) : first_(first_day(spec, variation)) {
    const auto weights = day_weights(spec, variation);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    double before = 0;
    for (const double weight : weights) {
      begins_.push_back(static_cast<std::uint64_t>(before / total * static_cast<double>(variation.rows)));
      before += weight;
    }
    begins_.push_back(UINT64_MAX);
  }
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    std::size_t day = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // Mostly the day of the row before.
      if (rows[i] < begins_[day] || rows[i] >= begins_[day + 1]) {
        day = static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), rows[i]) - begins_.begin() - 1);
      }
      out[i] = first_ + static_cast<std::int64_t>(day);
    }
    return true;
  }

 private:
  std::int64_t first_;
  std::vector<std::uint64_t> begins_;  // the first row of each day
};

class WalkValues final : public ColumnValues {
 public:
  WalkValues(const Walk& spec, std::int64_t first_key, std::int64_t keys, const Days& days, const Variation& variation,
             RandomStream random)
      : spec_(spec),
        first_key_(first_key),
        first_day_(first_day(days, variation)),
        steps_(days.count / spec.every_days + 1) {
    const double unit = std::pow(10.0, spec.scale);
    const double steps_a_year = 365.0 / static_cast<double>(spec.every_days);
    const double drift = spec.drift / steps_a_year;
    const double deviation = spec.volatility / std::sqrt(steps_a_year);
    std::uint64_t draw = 0;
    values_.reserve(static_cast<std::size_t>(keys * steps_));
    for (std::int64_t key = 0; key < keys; ++key) {
      // Few are dear: the cube favours the low end.
      const double place = random.unit(draw++);
      double value = spec.from + (spec.to - spec.from) * place * place * place;
      for (std::int64_t step = 0; step < steps_; ++step) {
        values_.push_back(std::max<std::int64_t>(1, std::llround(value * unit)));
        // Four uniform numbers make a bell of variance 1/3.
        double bell = -2;
        for (int i = 0; i < 4; ++i) bell += random.unit(draw++);
        value *= std::max(0.1, 1 + drift + deviation * bell * std::sqrt(3.0));
      }
    }
  }
  bool fill(Rows rows, const BlockValues& block, Out& out) const override {
    const auto& keys = block[spec_.key];
    const auto& days = block[spec_.date];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto step = static_cast<std::int64_t>(static_cast<std::uint32_t>(days[i] - first_day_) /
                                                  static_cast<std::uint32_t>(spec_.every_days));
      out[i] = values_[static_cast<std::size_t>((keys[i] - first_key_) * steps_ + step)];
    }
    return true;
  }

 private:
  Walk spec_;
  std::int64_t first_key_;
  std::int64_t first_day_;
  std::int64_t steps_;
  std::vector<std::int64_t> values_;  // keys × steps
};

class ArithmeticValues final : public ColumnValues {
 public:
  explicit ArithmeticValues(const Arithmetic& spec) : formula_(spec.formula) {}
  bool fill(Rows rows, const BlockValues& block, Out& out) const override {
    return formula_.evaluate(block, rows.size(), out);
  }

 private:
  Formula formula_;
};

// Four uniform numbers of one draw make a bell of variance 1.
double bell(std::uint64_t random) {
  double sum = -2;
  for (int i = 0; i < 4; ++i, random >>= 16) sum += (static_cast<double>(random & 0xffff) + 0.5) * 0x1.0p-16;
  return sum * std::sqrt(3.0);
}

class SkewedValues final : public ColumnValues {
 public:
  SkewedValues(const Skewed& spec, RandomStream random) : spec_(spec), random_(random) {}
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    const double unit = std::pow(10.0, spec_.scale);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double value = spec_.median * std::exp(spec_.spread * bell(random_.at(rows[i])));
      out[i] = std::llround(std::clamp(value, spec_.from, spec_.to) * unit);
    }
    return true;
  }

 private:
  Skewed spec_;
  RandomStream random_;
};

class FlagValues final : public ColumnValues {
 public:
  FlagValues(const Flag& spec, RandomStream random) : rate_(spec.rate), random_(random) {}
  bool fill(Rows rows, const BlockValues&, Out& out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = random_.unit(rows[i]) < rate_ ? 1 : 0;
    return true;
  }

 private:
  double rate_;
  RandomStream random_;
};

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kHourMs = 3'600'000;

// Some time of a day.
class TimeOfDayValues final : public ColumnValues {
 public:
  TimeOfDayValues(const Moment& spec, RandomStream hours, RandomStream rest)
      : day_(spec.base),
        hours_(spec.hour_weights.empty() ? std::vector<double>(24, 1.0) : spec.hour_weights),
        hour_draw_(hours),
        rest_draw_(rest) {}
  bool fill(Rows rows, const BlockValues& block, Out& out) const override {
    const auto& days = block[day_];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out[i] = days[i] * kDayMs + hours_.draw(hour_draw_.at(rows[i])) * kHourMs +
               static_cast<std::int64_t>(rest_draw_.below(rows[i], kHourMs));
    }
    return true;
  }

 private:
  std::size_t day_;
  AliasTable hours_;
  RandomStream hour_draw_;
  RandomStream rest_draw_;
};

class LaterValues final : public ColumnValues {
 public:
  LaterValues(const Moment& spec, bool is_after_date)
      : base_(spec.base),
        base_ms_(is_after_date ? kDayMs : 1),
        seconds_(*spec.seconds),
        second_ms_(static_cast<std::int64_t>(std::pow(10.0, 3 - spec.seconds_scale))) {}
  bool fill(Rows rows, const BlockValues& block, Out& out) const override {
    bool overflows = false;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::int64_t gap = 0;
      overflows |= __builtin_mul_overflow(block[seconds_][i], second_ms_, &gap);
      overflows |= __builtin_add_overflow(block[base_][i] * base_ms_, gap, &out[i]);
    }
    return !overflows;
  }

 private:
  std::size_t base_;
  std::int64_t base_ms_;
  std::size_t seconds_;
  std::int64_t second_ms_;
};

class SameValues final : public ColumnValues {
 public:
  explicit SameValues(std::size_t column) : column_(column) {}
  bool fill(Rows rows, const BlockValues& block, Out& out) const override {
    std::copy_n(block[column_].begin(), rows.size(), out.begin());
    return true;
  }

 private:
  std::size_t column_;
};

class Maker {
 public:
  Maker(std::span<const ColumnSpec> columns, const Variation& variation, const ColumnSpec& column)
      : columns_(columns), variation_(variation), column_(column) {}

  using Made = std::unique_ptr<ColumnValues>;
  Made operator()(const Sequence& kind) const { return std::make_unique<SequenceValues>(kind); }
  Made operator()(const Uniform& kind) const { return std::make_unique<UniformValues>(kind, random("value")); }
  Made operator()(const Zipf& kind) const {
    return std::make_unique<ZipfValues>(kind, random("value"), random("shuffle"));
  }
  Made operator()(const Choice& kind) const { return std::make_unique<ChoiceValues>(kind, random("value")); }
  Made operator()(const Days& kind) const {
    if (kind.is_ascending) return std::make_unique<AscendingDays>(kind, variation_);
    return std::make_unique<RandomDays>(kind, variation_, random("value"));
  }
  Made operator()(const Walk& kind) const {
    const auto& key = columns_[kind.key].kind;
    const auto* zipf = std::get_if<Zipf>(&key);
    const auto from = zipf != nullptr ? zipf->from : std::get<Uniform>(key).from;
    const auto to = zipf != nullptr ? zipf->to : std::get<Uniform>(key).to;
    const auto& days = std::get<Days>(columns_[kind.date].kind);
    return std::make_unique<WalkValues>(kind, from, to - from + 1, days, variation_, random("value"));
  }
  Made operator()(const Arithmetic& kind) const { return std::make_unique<ArithmeticValues>(kind); }
  Made operator()(const Skewed& kind) const { return std::make_unique<SkewedValues>(kind, random("value")); }
  Made operator()(const Flag& kind) const { return std::make_unique<FlagValues>(kind, random("value")); }
  Made operator()(const Moment& kind) const {
    if (!kind.seconds) return std::make_unique<TimeOfDayValues>(kind, random("hour"), random("value"));
    return std::make_unique<LaterValues>(kind, columns_[kind.base].plain_type().kind == data::Kind::Date);
  }
  Made operator()(const Same& kind) const { return std::make_unique<SameValues>(kind.column); }
  template <typename Other>
  Made operator()(const Other&) const {
    return nullptr;
  }

 private:
  RandomStream random(std::string_view what) const { return {variation_.seed, column_.path + "/" + std::string{what}}; }

  std::span<const ColumnSpec> columns_;
  const Variation& variation_;
  const ColumnSpec& column_;
};

}  // namespace

std::vector<std::unique_ptr<ColumnValues>> make_column_values(std::span<const ColumnSpec> columns,
                                                              const Variation& variation) {
  std::vector<std::unique_ptr<ColumnValues>> made;
  for (const auto& column : columns) made.push_back(std::visit(Maker{columns, variation, column}, column.kind));
  return made;
}

}  // namespace weir::generate
