#include <algorithm>

#include "data/text.hpp"
#include "engine/compared_rows.hpp"

namespace weir::engine {
namespace {

using data::Kind;

constexpr std::string_view kNull = "NULL";

std::string cell(const data::Batch& batch, std::size_t column, std::size_t row) {
  const auto& values = batch.column(column);
  return values.is_null(row) ? std::string{} : data::value_text(values, row);
}

bool has_sum(const data::Type& type) { return data::is_integer(type.kind) || type.kind == Kind::Decimal; }

// The type under which a dialect leaves json as its text.
data::Type text_instead_of_json(const data::Type& type) {
  if (type.kind == Kind::Json) return data::type_of(Kind::String);
  if (type.kind != Kind::List) return type;
  const auto& element = type.children->front();
  return data::list_of(text_instead_of_json(element.type), element.nullable);
}

class DatabaseRows final : public ComparedRows {
 public:
  DatabaseRows(const ReconcileSide& side, const data::Schema& schema, const std::vector<std::size_t>& indexes,
               const ComparedColumns& columns)
      : side_(side), names_(columns.names) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      quoted_.push_back(dialect().quote(names_[i]));
      const auto& type = schema.fields[indexes[i]].type;
      types_.push_back(columns.texts.contains(names_[i]) ? text_instead_of_json(type) : type);
      canonical_.push_back(dialect().canonical(quoted_.back(), types_.back()));
    }
    for (const auto& name : columns.key) {
      const auto found = std::ranges::find(names_, name);
      canonical_key_.push_back(canonical_[static_cast<std::size_t>(found - names_.begin())]);
    }
  }

  Result<RowsSummary> summarize(std::stop_token stop) override {
    std::string sql = "SELECT count(*) AS row_count";
    for (std::size_t i = 0; i < quoted_.size(); ++i) {
      sql += fmt::format(",\n  count({}) AS values_{}", quoted_[i], i);
      if (data::is_integer(types_[i].kind)) sql += fmt::format(",\n  {} AS sum_{}", dialect().exact_sum(quoted_[i]), i);
      if (types_[i].kind == Kind::Decimal) {
        sql +=
            fmt::format(",\n  {} AS sum_{}",
                        dialect().canonical(fmt::format("sum({})", quoted_[i]), data::decimal(76, types_[i].scale)), i);
      }
    }
    const auto batches = WEIR_TRY(flow::select_all(*side_.database, sql + "\n" + from(), stop));
    WEIR_CHECK(batches.size() == 1 && batches.front().rows() == 1);
    RowsSummary summary;
    std::size_t at = 0;
    summary.rows = std::stoull(cell(batches.front(), at++, 0));
    for (std::size_t i = 0; i < names_.size(); ++i) {
      ColumnFigures figures{.name = names_[i], .values = std::stoull(cell(batches.front(), at++, 0)), .sum = {}};
      if (has_sum(types_[i])) {
        figures.sum = cell(batches.front(), at++, 0);
        if (figures.sum.empty()) figures.sum = "0";
      }
      summary.columns.push_back(std::move(figures));
    }
    return summary;
  }

  Result<BucketSums> sum_buckets(int count, std::stop_token stop) override {
    const auto sql = fmt::format("SELECT {} AS bucket,\n  count(*) AS row_count,\n  {} AS digest_sum\n{}\nGROUP BY 1",
                                 bucket_expression(count), dialect().exact_sum(dialect().digest(canonical_)), from());
    BucketSums sums;
    for (const auto& batch : WEIR_TRY(flow::select_all(*side_.database, sql, stop))) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        sums[std::stoll(cell(batch, 0, row))] = {std::stoull(cell(batch, 1, row)), cell(batch, 2, row)};
      }
    }
    return sums;
  }

  Result<RowsByKey> fetch(const std::set<std::int64_t>& buckets, int count, std::stop_token stop) override {
    auto expressions = canonical_key_;
    expressions.insert(expressions.end(), canonical_.begin(), canonical_.end());
    std::string list;
    for (std::size_t i = 0; i < expressions.size(); ++i)
      list += fmt::format("{}{} AS c{}", i == 0 ? "" : ",\n  ", expressions[i], i);
    const auto sql = fmt::format("SELECT {}\n{}\n{} {} IN ({})", list, from(), side_.where.empty() ? "WHERE" : "AND",
                                 bucket_expression(count), fmt::join(buckets, ", "));
    const auto reader = WEIR_TRY(side_.database->select(sql, {}, stop));
    RowsByKey rows;
    while (auto delivery = WEIR_TRY(reader->next(stop))) {
      for (std::size_t row = 0; row < delivery->batch.rows(); ++row) {
        RowTexts key;
        RowTexts values;
        for (std::size_t i = 0; i < expressions.size(); ++i) {
          const auto& column = delivery->batch.column(i);
          auto text = column.is_null(row) ? std::string{kNull} : data::value_text(column, row);
          (i < canonical_key_.size() ? key : values).push_back(std::move(text));
        }
        rows[std::move(key)].push_back(std::move(values));
      }
    }
    for (auto& [key, same_key] : rows) std::ranges::sort(same_key);
    return rows;
  }

 private:
  const flow::Dialect& dialect() const { return side_.database->dialect(); }
  std::string from() const {
    auto sql = fmt::format("FROM {}", dialect().quote(side_.table));
    if (!side_.where.empty()) sql += fmt::format("\nWHERE ({})", side_.where);
    return sql;
  }
  std::string bucket_expression(int count) const { return dialect().bucket(dialect().digest(canonical_key_), count); }

  const ReconcileSide& side_;
  std::vector<std::string> names_;
  std::vector<std::string> quoted_;
  std::vector<data::Type> types_;
  std::vector<std::string> canonical_;
  std::vector<std::string> canonical_key_;
};

}  // namespace

Result<std::vector<std::size_t>> find_columns(const ReconcileSide& side, const data::Schema& schema,
                                              const std::vector<std::string>& names) {
  std::vector<std::size_t> indexes;
  for (const auto& name : names) {
    const auto index = schema.find(name);
    if (!index) return Error::user(Code::NotFound, "column {} is missing in {}", name, side.name);
    indexes.push_back(*index);
  }
  return indexes;
}

Result<std::unique_ptr<ComparedRows>> database_rows(const ReconcileSide& side, const data::Schema& schema,
                                                    const ComparedColumns& columns) {
  const auto indexes = WEIR_TRY(find_columns(side, schema, columns.names));
  return std::make_unique<DatabaseRows>(side, schema, indexes, columns);
}

}  // namespace weir::engine
