#include <algorithm>
#include <optional>

#include "data/decimal.hpp"
#include "engine/compared_rows.hpp"
#include "flow/canonical.hpp"

namespace weir::engine {
namespace {

using data::Int128;
using data::Kind;

constexpr std::string_view kNull = "NULL";

// The exact sum of a column, as long as 128 bits hold it.
class ColumnSum {
 public:
  explicit ColumnSum(const data::Type& type)
      : is_kept_(data::is_integer(type.kind) || (type.kind == Kind::Decimal && type.precision <= 38)),
        scale_(type.kind == Kind::Decimal ? type.scale : 0) {}

  void add(const data::Column& column, std::size_t row) {
    if (is_kept_ && __builtin_add_overflow(sum_, value(column, row), &sum_)) is_kept_ = false;
  }
  std::string text() const {
    if (!is_kept_) return {};
    std::string text;
    data::append_decimal(text, sum_, scale_);
    if (scale_ > 0) text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  }

 private:
  static Int128 value(const data::Column& column, std::size_t row) {
    switch (column.type().kind) {
      case Kind::Int8: return column.values<std::int8_t>()[row];
      case Kind::Int16: return column.values<std::int16_t>()[row];
      case Kind::Int32: return column.values<std::int32_t>()[row];
      case Kind::Int64: return column.values<std::int64_t>()[row];
      case Kind::UInt8: return column.values<std::uint8_t>()[row];
      case Kind::UInt16: return column.values<std::uint16_t>()[row];
      case Kind::UInt32: return column.values<std::uint32_t>()[row];
      case Kind::UInt64: return column.values<std::uint64_t>()[row];
      default: break;
    }
    const auto words = data::decimal_at(column, row).words;
    return static_cast<Int128>(static_cast<data::UInt128>(words[1]) << 64 | words[0]);
  }

  bool is_kept_;
  int scale_;
  Int128 sum_ = 0;
};

class SourceRows final : public ComparedRows {
 public:
  SourceRows(const ReconcileSide& side, const std::vector<std::size_t>& indexes, const data::Schema& schema,
             ComparedColumns columns)
      : side_(side), names_(std::move(columns)), buckets_(kBucketsMax) {
    for (const auto index : indexes) {
      summary_.columns.push_back({.name = schema.fields[index].name, .values = 0, .sum = {}});
      sums_.emplace_back(schema.fields[index].type);
    }
  }

  Result<RowsSummary> summarize(std::stop_token stop) override {
    WEIR_TRY(read(stop, [&](const data::Batch& batch, std::size_t row, std::int64_t key_digest) {
      auto& bucket = buckets_[static_cast<std::size_t>(flow::bucket_of(key_digest, kBucketsMax))];
      ++bucket.rows;
      bucket.digests += flow::digest_of(measured(batch, columns_, row));
      ++summary_.rows;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const auto& column = batch.column(columns_[i]);
        if (column.is_null(row)) continue;
        ++summary_.columns[i].values;
        sums_[i].add(column, row);
      }
    }));
    for (std::size_t i = 0; i < sums_.size(); ++i) summary_.columns[i].sum = sums_[i].text();
    return summary_;
  }

  // The finest buckets were filled by summarize(): a coarser one is the sum of those with the same low bits.
  Result<BucketSums> sum_buckets(int count, std::stop_token) override {
    std::map<std::int64_t, Bucket> coarse;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i].rows == 0) continue;
      auto& bucket = coarse[static_cast<std::int64_t>(i) & (count - 1)];
      bucket.rows += buckets_[i].rows;
      bucket.digests += buckets_[i].digests;
    }
    BucketSums sums;
    for (const auto& [number, bucket] : coarse) {
      std::string digests;
      data::append_decimal(digests, bucket.digests, 0);
      sums[number] = {bucket.rows, std::move(digests)};
    }
    return sums;
  }

  Result<RowsByKey> fetch(const std::set<std::int64_t>& buckets, int count, std::stop_token stop) override {
    RowsByKey rows;
    WEIR_TRY(read(stop, [&](const data::Batch& batch, std::size_t row, std::int64_t key_digest) {
      if (buckets.contains(flow::bucket_of(key_digest, count))) {
        rows[texts(batch, key_, row)].push_back(texts(batch, columns_, row));
      }
    }));
    for (auto& [key, same_key] : rows) std::ranges::sort(same_key);
    return rows;
  }

 private:
  struct Bucket {
    std::uint64_t rows = 0;
    Int128 digests = 0;
  };

  flow::JsonForm json_form(const data::Batch& batch, std::size_t column) const {
    return names_.texts.contains(batch.schema()->fields[column].name) ? flow::JsonForm::Text : flow::JsonForm::Value;
  }

  std::string measured(const data::Batch& batch, const std::vector<std::size_t>& columns, std::size_t row) const {
    std::string text;
    for (const auto column : columns) flow::append_measured(text, batch.column(column), row, json_form(batch, column));
    return text;
  }

  RowTexts texts(const data::Batch& batch, const std::vector<std::size_t>& columns, std::size_t row) const {
    RowTexts texts;
    for (const auto column : columns) {
      texts.push_back(
          flow::canonical(batch.column(column), row, json_form(batch, column)).value_or(std::string{kNull}));
    }
    return texts;
  }

  // Hands over every row with its key's digest.
  template <typename Take>
  Result<void> read(const std::stop_token& stop, Take take) {
    for (const auto& partition : WEIR_TRY(side_.source->partitions(side_.read, 1, stop))) {
      const auto reader = WEIR_TRY(side_.source->open(side_.read, partition, std::nullopt, stop));
      columns_ = WEIR_TRY(find_columns(side_, *reader->schema(), names_.names));
      key_ = WEIR_TRY(find_columns(side_, *reader->schema(), names_.key));
      while (const auto delivery = WEIR_TRY(reader->next(stop))) {
        const auto& batch = delivery->batch;
        for (std::size_t row = 0; row < batch.rows(); ++row) {
          take(batch, row, flow::digest_of(measured(batch, key_, row)));
        }
      }
    }
    return {};
  }

  const ReconcileSide& side_;
  const ComparedColumns names_;
  std::vector<std::size_t> columns_;  // where they stand in the batches of the reader
  std::vector<std::size_t> key_;
  std::vector<Bucket> buckets_;
  std::vector<ColumnSum> sums_;
  RowsSummary summary_;
};

}  // namespace

Result<std::unique_ptr<ComparedRows>> source_rows(const ReconcileSide& side, const data::Schema& schema,
                                                  const ComparedColumns& columns) {
  const auto indexes = WEIR_TRY(find_columns(side, schema, columns.names));
  return std::make_unique<SourceRows>(side, indexes, schema, columns);
}

}  // namespace weir::engine
