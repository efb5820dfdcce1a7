#include "engine/reconciliation.hpp"

#include <algorithm>
#include <future>
#include <iterator>
#include <optional>
#include <utility>

#include "engine/compared_rows.hpp"

namespace weir::engine {
namespace {

constexpr std::uint64_t kRowsPerBucket = 512;
// Differing buckets are fetched in groups of about so many rows, and so many rows are looked at one by one.
constexpr std::uint64_t kRowsPerFetch = 100'000;
constexpr std::uint64_t kRowsFetchedMax = 1'000'000;

Result<data::Schema> describe(const ReconcileSide& side, std::stop_token stop) {
  if (side.database == nullptr) return WEIR_TRY(side.source->describe(side.read, stop)).schema;
  auto described = side.database->describe(side.table, stop);
  if (!described.ok()) return std::move(described).error();
  if (!*described) return Error::user(Code::NotFound, "no such table: {}", side.name);
  return (*described)->schema;
}

Result<std::unique_ptr<ComparedRows>> open_rows(const ReconcileSide& side, const data::Schema& schema,
                                                const ComparedColumns& columns) {
  return side.database != nullptr ? database_rows(side, schema, columns) : source_rows(side, schema, columns);
}

bool has_json(const data::Type& type) {
  if (type.kind == data::Kind::Json) return true;
  return type.children && std::ranges::any_of(*type.children, [](const auto& child) { return has_json(child.type); });
}

// What Weir reads it can compare by value.
bool compares_json(const ReconcileSide& side) {
  return side.database == nullptr || side.database->dialect().compares_json();
}

// json is compared by its value where both sides know it as json; anywhere else by its text.
std::set<std::string> json_texts(const ReconcileRequest& request, const data::Schema& left, const data::Schema& right,
                                 const std::vector<std::string>& names) {
  const bool by_value = compares_json(request.left) && compares_json(request.right);
  std::set<std::string> texts;
  for (const auto& name : names) {
    const auto one = left.find(name);
    const auto other = right.find(name);
    if (!one || !other) continue;
    const bool both = has_json(left.fields[*one].type) && has_json(right.fields[*other].type);
    if (!by_value || !both) texts.insert(name);
  }
  return texts;
}

// The columns of the left side, minus the ignored ones and Weir's own; the right side must have them all and no others.
Result<ComparedColumns> compared_columns(const ReconcileRequest& request, const data::Schema& left,
                                         const data::Schema& right) {
  const auto is_ignored = [&](const std::string& name) {
    return name.starts_with(kOwnColumns) || std::ranges::find(request.ignore, name) != request.ignore.end();
  };
  ComparedColumns columns;
  for (const auto& field : left.fields) {
    if (!is_ignored(field.name)) columns.names.push_back(field.name);
  }
  for (const auto& field : right.fields) {
    if (is_ignored(field.name) || left.find(field.name)) continue;
    return Error::user(Code::CheckFailed, "column {} is only in {}", field.name, request.right.name)
        .hint("list it under ignore when that is meant");
  }
  columns.texts = json_texts(request, left, right, columns.names);
  columns.key = request.key.empty() ? columns.names : request.key;
  for (const auto& name : columns.key) {
    if (std::ranges::find(columns.names, name) == columns.names.end())
      return Error::user(Code::InvalidProject, "the key's column is not compared: {}", name);
  }
  return columns;
}

// How people know a row and a value in it. Of a table: by the key's columns. Of a stream of documents: by the collection and
// the document's key, and the path inside of it ("SupportTickets _id=T-7", "messages[2].text"), as the streams of lists are
// named: "SupportTickets.messages" with the columns SupportTickets__id and position.
class RowNames {
 public:
  RowNames(const ReconcileSide& left, const std::vector<std::string>& key) : key_(key) {
    if (left.database != nullptr) return;
    const auto dot = left.read.stream.find('.');
    collection_ = left.read.stream.substr(0, dot);
    if (dot != std::string::npos && !key.empty() && key.back() == "position") list_ = left.read.stream.substr(dot + 1);
  }

  // The document, or the table's row.
  std::string document(const RowTexts& key) const {
    std::string text = collection_.empty() ? "" : collection_ + " ";
    const auto columns = list_.empty() ? key_.size() : key_.size() - 1;
    for (std::size_t i = 0; i < columns; ++i) {
      std::string_view name = key_[i];
      const auto prefix = collection_ + "_";
      if (!list_.empty() && name.starts_with(prefix)) name.remove_prefix(prefix.size());
      text += fmt::format("{}{}={}", i == 0 ? "" : ", ", name, key[i]);
    }
    return text;
  }

  std::string row(const RowTexts& key) const {
    return list_.empty() ? document(key) : document(key) + " " + element(key);
  }

  std::string path(const RowTexts& key, const std::string& column) const {
    if (list_.empty()) return column;
    return column == "value" ? element(key) : fmt::format("{}.{}", element(key), column);
  }

 private:
  std::string element(const RowTexts& key) const { return fmt::format("{}[{}]", list_, key.back()); }

  const std::vector<std::string>& key_;
  std::string collection_;  // "" of a table
  std::string list_;        // the path of the list whose elements are the rows; "" of the documents themselves
};

class Comparison {
 public:
  Comparison(const ReconcileRequest& request, const ComparedColumns& columns, Reconciliation& result)
      : request_(request), columns_(columns), row_names_(request.left, columns.key), result_(result) {}

  void compare(const RowsByKey& left, const RowsByKey& right) {
    for (const auto& [key, rows] : left) {
      const auto found = right.find(key);
      compare_key(key, rows, found == right.end() ? kNone : found->second);
    }
    for (const auto& [key, rows] : right) {
      if (!left.contains(key)) compare_key(key, kNone, rows);
    }
  }

 private:
  using KeyRows = std::vector<RowTexts>;
  static inline const KeyRows kNone{};

  // Rows that are on both sides are struck off first, so that one extra copy of a row is one difference.
  void compare_key(const std::vector<std::string>& key, const KeyRows& left, const KeyRows& right) {
    KeyRows only_left;
    KeyRows only_right;
    std::ranges::set_difference(left, right, std::back_inserter(only_left));
    std::ranges::set_difference(right, left, std::back_inserter(only_right));
    const auto pairs = std::min(only_left.size(), only_right.size());
    for (std::size_t i = 0; i < pairs; ++i)
      add({Difference::Kind::Values, row_names_.document(key), values_text(key, only_left[i], only_right[i])});
    for (std::size_t i = pairs; i < only_left.size(); ++i) add({Difference::Kind::OnlyLeft, row_names_.row(key), {}});
    for (std::size_t i = pairs; i < only_right.size(); ++i) add({Difference::Kind::OnlyRight, row_names_.row(key), {}});
  }

  void add(Difference difference) {
    ++result_.differences_total;
    if (result_.differences.size() < static_cast<std::size_t>(request_.differences_max)) {
      result_.differences.push_back(std::move(difference));
    }
  }

  std::string values_text(const RowTexts& key, const RowTexts& left, const RowTexts& right) const {
    std::string text;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i] == right[i]) continue;
      text += fmt::format("{}{}: {} / {}", text.empty() ? "" : ", ", row_names_.path(key, columns_.names[i]), left[i],
                          right[i]);
    }
    return text;
  }

  const ReconcileRequest& request_;
  const ComparedColumns& columns_;
  const RowNames row_names_;
  Reconciliation& result_;
};

int bucket_count(std::uint64_t rows) {
  int buckets = 1;
  while (buckets < kBucketsMax && static_cast<std::uint64_t>(buckets) * kRowsPerBucket < rows) buckets *= 2;
  return buckets;
}

// The same question to both sides at once.
template <typename Ask>
auto ask_both(ComparedRows& left, ComparedRows& right, Ask ask) {
  auto right_answer = std::async(std::launch::async, [&] { return ask(right); });
  auto left_answer = ask(left);
  return std::pair{std::move(left_answer), right_answer.get()};
}

// Differing buckets with how many rows they have, on the side that has more.
std::map<std::int64_t, std::uint64_t> differing_buckets(const BucketSums& left, const BucketSums& right) {
  std::map<std::int64_t, std::uint64_t> differing;
  for (const auto& [bucket, sum] : left) {
    const auto found = right.find(bucket);
    if (found == right.end()) {
      differing[bucket] = sum.rows;
    } else if (found->second != sum) {
      differing[bucket] = std::max(sum.rows, found->second.rows);
    }
  }
  for (const auto& [bucket, sum] : right) {
    if (!left.contains(bucket)) differing[bucket] = sum.rows;
  }
  return differing;
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
  const auto left_schema = WEIR_TRY(describe(request.left, stop));
  const auto right_schema = WEIR_TRY(describe(request.right, stop));
  const auto columns = WEIR_TRY(compared_columns(request, left_schema, right_schema));
  const auto left = WEIR_TRY(open_rows(request.left, left_schema, columns));
  const auto right = WEIR_TRY(open_rows(request.right, right_schema, columns));

  auto [left_summary, right_summary] =
      ask_both(*left, *right, [&](ComparedRows& rows) { return rows.summarize(stop); });
  Reconciliation result;
  auto left_figures = WEIR_TRY(std::move(left_summary));
  auto right_figures = WEIR_TRY(std::move(right_summary));
  result.left_rows = left_figures.rows;
  result.right_rows = right_figures.rows;
  result.left_columns = std::move(left_figures.columns);
  result.right_columns = std::move(right_figures.columns);
  // A sum is evidence only where both sides keep a number.
  for (std::size_t i = 0; i < columns.names.size(); ++i) {
    auto& one = result.left_columns[i].sum;
    auto& other = result.right_columns[i].sum;
    if (one.empty() || other.empty()) one = other = "";
  }

  result.buckets = bucket_count(std::max(result.left_rows, result.right_rows));
  auto [left_answer, right_answer] =
      ask_both(*left, *right, [&](ComparedRows& rows) { return rows.sum_buckets(result.buckets, stop); });
  const auto left_sums = WEIR_TRY(std::move(left_answer));
  const auto right_sums = WEIR_TRY(std::move(right_answer));
  const auto differing = differing_buckets(left_sums, right_sums);
  for (const auto& [bucket, rows] : differing) result.buckets_differing.insert(bucket);

  Comparison comparison{request, columns, result};
  std::uint64_t fetched = 0;
  for (auto next = differing.begin(); next != differing.end();) {
    std::set<std::int64_t> group;
    std::uint64_t rows = 0;
    for (; next != differing.end() && (group.empty() || rows + next->second <= kRowsPerFetch); ++next) {
      group.insert(next->first);
      rows += next->second;
    }
    fetched += rows;
    if (fetched > kRowsFetchedMax && fetched > rows) {
      result.rows_not_looked_at += rows;
      continue;
    }
    auto [left_rows, right_rows] =
        ask_both(*left, *right, [&](ComparedRows& side) { return side.fetch(group, result.buckets, stop); });
    comparison.compare(WEIR_TRY(std::move(left_rows)), WEIR_TRY(std::move(right_rows)));
  }
  return result;
}

}  // namespace weir::engine
