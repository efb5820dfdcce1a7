#include "engine/reconciliation.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <utility>

#include "data/text.hpp"

namespace weir::engine {
namespace {

using data::Kind;

constexpr std::uint64_t kRowsPerBucket = 512;
constexpr int kBucketsMax = 65'536;

bool has_sum(const data::Type& type) { return data::is_integer(type.kind) || type.kind == Kind::Decimal; }

// A side with the columns that are compared, as canonical expressions of its own dialect.
struct Side {
  const ReconcileSide* source;
  std::vector<std::string> names;
  std::vector<std::string> columns;  // quoted
  std::vector<data::Type> types;
  std::vector<std::string> canonical;
  std::vector<std::string> canonical_key;

  const flow::Dialect& dialect() const { return source->database->dialect(); }
  std::string from() const {
    auto sql = fmt::format("FROM {}", dialect().quote(source->table));
    if (!source->where.empty()) sql += fmt::format("\nWHERE ({})", source->where);
    return sql;
  }
};

Result<flow::RelationInfo> describe(const ReconcileSide& side, std::stop_token stop) {
  auto info = WEIR_TRY(side.database->describe(side.table, stop));
  if (!info) return Error::user(Code::NotFound, "no such table: {}", side.name);
  return std::move(*info);
}

Result<Side> make_side(const ReconcileSide& source, const flow::RelationInfo& info,
                       const std::vector<std::string>& names, const std::vector<std::string>& key) {
  Side side{.source = &source, .names = names, .columns = {}, .types = {}, .canonical = {}, .canonical_key = {}};
  const auto& dialect = side.dialect();
  for (const auto& name : names) {
    const auto index = info.schema.find(name);
    if (!index) return Error::user(Code::NotFound, "column {} is missing in {}", name, source.name);
    side.columns.push_back(dialect.quote(name));
    side.types.push_back(info.schema.fields[*index].type);
    side.canonical.push_back(dialect.canonical(side.columns.back(), side.types.back()));
  }
  for (const auto& name : key) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return Error::user(Code::InvalidProject, "the key's column is not compared: {}", name);
    side.canonical_key.push_back(side.canonical[static_cast<std::size_t>(found - names.begin())]);
  }
  return side;
}

// The columns of the left side, minus the ignored ones; the right side must have them all and no others.
Result<std::vector<std::string>> compared_columns(const ReconcileRequest& request, const flow::RelationInfo& left,
                                                  const flow::RelationInfo& right) {
  const auto ignored = [&](const std::string& name) {
    return std::ranges::find(request.ignore, name) != request.ignore.end();
  };
  std::vector<std::string> names;
  for (const auto& field : left.schema.fields) {
    if (!ignored(field.name)) names.push_back(field.name);
  }
  for (const auto& field : right.schema.fields) {
    if (ignored(field.name) || left.schema.find(field.name)) continue;
    return Error::user(Code::CheckFailed, "column {} is only in {}", field.name, request.right.name)
        .hint("list it under ignore when that is meant");
  }
  return names;
}

std::string cell(const data::Batch& batch, std::size_t column, std::size_t row) {
  const auto& values = batch.column(column);
  return values.is_null(row) ? std::string{} : data::value_text(values, row);
}

struct Summary {
  std::uint64_t rows = 0;
  std::vector<ColumnFigures> columns;
};

Result<Summary> summarize(const Side& side, std::stop_token stop) {
  const auto& dialect = side.dialect();
  std::string sql = "SELECT count(*) AS row_count";
  for (std::size_t i = 0; i < side.columns.size(); ++i) {
    sql += fmt::format(",\n  count({}) AS values_{}", side.columns[i], i);
    if (data::is_integer(side.types[i].kind))
      sql += fmt::format(",\n  {} AS sum_{}", dialect.exact_sum(side.columns[i]), i);
    if (side.types[i].kind == Kind::Decimal) {
      sql += fmt::format(
          ",\n  {} AS sum_{}",
          dialect.canonical(fmt::format("sum({})", side.columns[i]), data::decimal(76, side.types[i].scale)), i);
    }
  }
  const auto batches = WEIR_TRY(flow::select_all(*side.source->database, sql + "\n" + side.from(), stop));
  WEIR_CHECK(batches.size() == 1 && batches.front().rows() == 1);
  Summary summary;
  std::size_t at = 0;
  summary.rows = std::stoull(cell(batches.front(), at++, 0));
  for (std::size_t i = 0; i < side.names.size(); ++i) {
    ColumnFigures figures{.name = side.names[i], .values = std::stoull(cell(batches.front(), at++, 0)), .sum = {}};
    if (has_sum(side.types[i])) figures.sum = cell(batches.front(), at++, 0);
    if (figures.sum.empty()) figures.sum = has_sum(side.types[i]) ? "0" : "";
    summary.columns.push_back(std::move(figures));
  }
  return summary;
}

// Bucket → rows and the sum of their digests.
using BucketSums = std::map<std::int64_t, std::pair<std::string, std::string>>;

std::string bucket_expression(const Side& side, int buckets) {
  return side.dialect().bucket(side.dialect().digest(side.canonical_key), buckets);
}

Result<BucketSums> sum_buckets(const Side& side, int buckets, std::stop_token stop) {
  const auto& dialect = side.dialect();
  const auto sql =
      fmt::format("SELECT {} AS bucket,\n  count(*) AS row_count,\n  {} AS digest_sum\n{}\nGROUP BY 1",
                  bucket_expression(side, buckets), dialect.exact_sum(dialect.digest(side.canonical)), side.from());
  BucketSums sums;
  for (const auto& batch : WEIR_TRY(flow::select_all(*side.source->database, sql, stop))) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      sums[std::stoll(cell(batch, 0, row))] = {cell(batch, 1, row), cell(batch, 2, row)};
    }
  }
  return sums;
}

// Rows of one bucket by the text of their key; several rows may share one.
using Rows = std::map<std::vector<std::string>, std::vector<std::vector<std::string>>>;

constexpr std::string_view kNull = "NULL";

Result<Rows> fetch_bucket(const Side& side, std::int64_t bucket, int buckets, std::size_t key_columns,
                          std::stop_token stop) {
  std::vector<std::string> expressions = side.canonical_key;
  expressions.insert(expressions.end(), side.canonical.begin(), side.canonical.end());
  std::string list;
  for (std::size_t i = 0; i < expressions.size(); ++i)
    list += fmt::format("{}{} AS c{}", i == 0 ? "" : ",\n  ", expressions[i], i);
  const auto sql = fmt::format("SELECT {}\n{}\n{} {} = {}", list, side.from(),
                               side.source->where.empty() ? "WHERE" : "AND", bucket_expression(side, buckets), bucket);
  Rows rows;
  for (const auto& batch : WEIR_TRY(flow::select_all(*side.source->database, sql, stop))) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      std::vector<std::string> key;
      std::vector<std::string> values;
      for (std::size_t i = 0; i < expressions.size(); ++i) {
        auto text = batch.column(i).is_null(row) ? std::string{kNull} : data::value_text(batch.column(i), row);
        (i < key_columns ? key : values).push_back(std::move(text));
      }
      rows[std::move(key)].push_back(std::move(values));
    }
  }
  for (auto& [key, same_key] : rows) std::ranges::sort(same_key);
  return rows;
}

class Comparison {
 public:
  Comparison(const ReconcileRequest& request, const std::vector<std::string>& names,
             const std::vector<std::string>& key, Reconciliation& result)
      : request_(request), names_(names), key_(key), result_(result) {}

  void compare(const Rows& left, const Rows& right) {
    for (const auto& [key, rows] : left) {
      const auto found = right.find(key);
      compare_key(key, rows, found == right.end() ? kNone : found->second);
    }
    for (const auto& [key, rows] : right) {
      if (!left.contains(key)) compare_key(key, kNone, rows);
    }
  }

 private:
  using KeyRows = std::vector<std::vector<std::string>>;
  static inline const KeyRows kNone{};

  // Rows that are on both sides are struck off first, so that one extra copy of a row is one difference.
  void compare_key(const std::vector<std::string>& key, const KeyRows& left, const KeyRows& right) {
    KeyRows only_left;
    KeyRows only_right;
    std::ranges::set_difference(left, right, std::back_inserter(only_left));
    std::ranges::set_difference(right, left, std::back_inserter(only_right));
    const auto pairs = std::min(only_left.size(), only_right.size());
    for (std::size_t i = 0; i < pairs; ++i)
      add({Difference::Kind::Values, key_text(key), values_text(only_left[i], only_right[i])});
    for (std::size_t i = pairs; i < only_left.size(); ++i) add({Difference::Kind::OnlyLeft, key_text(key), {}});
    for (std::size_t i = pairs; i < only_right.size(); ++i) add({Difference::Kind::OnlyRight, key_text(key), {}});
  }

  void add(Difference difference) {
    ++result_.differences_total;
    if (result_.differences.size() < static_cast<std::size_t>(request_.differences_max)) {
      result_.differences.push_back(std::move(difference));
    }
  }

  std::string key_text(const std::vector<std::string>& key) const {
    std::string text;
    for (std::size_t i = 0; i < key.size(); ++i) text += fmt::format("{}{}={}", i == 0 ? "" : ", ", key_[i], key[i]);
    return text;
  }

  std::string values_text(const std::vector<std::string>& left, const std::vector<std::string>& right) const {
    std::string text;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i] != right[i])
        text += fmt::format("{}{}: {} / {}", text.empty() ? "" : ", ", names_[i], left[i], right[i]);
    }
    return text;
  }

  const ReconcileRequest& request_;
  const std::vector<std::string>& names_;
  const std::vector<std::string>& key_;
  Reconciliation& result_;
};

int bucket_count(std::uint64_t rows) {
  int buckets = 1;
  while (buckets < kBucketsMax && static_cast<std::uint64_t>(buckets) * kRowsPerBucket < rows) buckets *= 2;
  return buckets;
}

// The same question to both sides at once.
template <typename Ask>
auto ask_both(const Side& left, const Side& right, Ask ask) {
  auto right_answer = std::async(std::launch::async, [&] { return ask(right); });
  auto left_answer = ask(left);
  return std::pair{std::move(left_answer), right_answer.get()};
}

}  // namespace

std::string Difference::text() const {
  switch (kind) {
    case Kind::OnlyLeft: return fmt::format("only left: {}", key);
    case Kind::OnlyRight: return fmt::format("only right: {}", key);
    case Kind::Values: return fmt::format("{}: {}", key, detail);
  }
  return {};
}

Result<Reconciliation> reconcile(const ReconcileRequest& request, std::stop_token stop) {
  const auto left_info = WEIR_TRY(describe(request.left, stop));
  const auto right_info = WEIR_TRY(describe(request.right, stop));
  const auto names = WEIR_TRY(compared_columns(request, left_info, right_info));
  const auto key = request.key.empty() ? names : request.key;
  const auto left = WEIR_TRY(make_side(request.left, left_info, names, key));
  const auto right = WEIR_TRY(make_side(request.right, right_info, names, key));

  auto [left_summary, right_summary] = ask_both(left, right, [&](const Side& side) { return summarize(side, stop); });
  Reconciliation result;
  auto left_figures = WEIR_TRY(std::move(left_summary));
  auto right_figures = WEIR_TRY(std::move(right_summary));
  result.left_rows = left_figures.rows;
  result.right_rows = right_figures.rows;
  result.left_columns = std::move(left_figures.columns);
  result.right_columns = std::move(right_figures.columns);
  // A sum is evidence only where both sides keep a number.
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (has_sum(left.types[i]) == has_sum(right.types[i])) continue;
    result.left_columns[i].sum.clear();
    result.right_columns[i].sum.clear();
  }

  result.buckets = bucket_count(std::max(result.left_rows, result.right_rows));
  auto [left_answer, right_answer] =
      ask_both(left, right, [&](const Side& side) { return sum_buckets(side, result.buckets, stop); });
  const auto left_sums = WEIR_TRY(std::move(left_answer));
  const auto right_sums = WEIR_TRY(std::move(right_answer));
  std::set<std::int64_t> differing;
  for (const auto& [bucket, sums] : left_sums) {
    const auto found = right_sums.find(bucket);
    if (found == right_sums.end() || found->second != sums) differing.insert(bucket);
  }
  for (const auto& [bucket, sums] : right_sums) {
    if (!left_sums.contains(bucket)) differing.insert(bucket);
  }
  result.buckets_differing = static_cast<int>(differing.size());

  Comparison comparison{request, names, key, result};
  for (const auto bucket : differing) {
    const auto fetch = [&](const Side& side) { return fetch_bucket(side, bucket, result.buckets, key.size(), stop); };
    auto [left_rows, right_rows] = ask_both(left, right, fetch);
    comparison.compare(WEIR_TRY(std::move(left_rows)), WEIR_TRY(std::move(right_rows)));
  }
  return result;
}

}  // namespace weir::engine
