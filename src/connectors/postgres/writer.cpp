#include "connectors/postgres/writer.hpp"

#include <fmt/ranges.h>

#include "connectors/postgres/copy_encoder.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

constexpr std::size_t kBlockRows = 1024;         // encoded at once: their bytes stay in the cache
constexpr std::size_t kPieceBytes = 256U << 10;  // handed to libpq at once

data::Schema merge_schema(const data::Schema& schema) {
  auto extended = schema;
  extended.fields.push_back({kChangeColumn, data::type_of(data::Kind::Int16), data::Nullable::No});
  extended.fields.push_back({kPlaceColumn, data::type_of(data::Kind::Int64), data::Nullable::No});
  return extended;
}

std::string copy_statement(const LoadPlan& plan, const flow::Relation& table) {
  std::vector<std::string> names;
  for (const auto& column : plan.columns) names.push_back(quote_identifier(column.name));
  if (plan.merges()) {
    names.emplace_back(kChangeColumn);
    names.emplace_back(kPlaceColumn);
  }
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", quote_relation(table), fmt::join(names, ", "));
}

class CopyWriter final : public flow::Writer {
 public:
  CopyWriter(std::shared_ptr<LoadState> state, std::shared_ptr<CopyStream> stream, CopyEncoder encoder,
             data::SchemaPtr merge_schema)
      : state_(std::move(state)),
        stream_(std::move(stream)),
        encoder_(std::move(encoder)),
        merge_schema_(std::move(merge_schema)) {
    ++state_->open_writers;
  }

  ~CopyWriter() override {
    if (!finished_) state_->spoiled = true;
  }

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    const auto taken = without_left_out(batch);
    rows_ += taken.rows_left();
    return write_rows(merge_schema_ ? with_changes(taken) : taken, stop)
        .while_doing("writing to " + state_->plan.target.text());
  }

  Result<void> finish(std::stop_token stop) override {
    WEIR_TRY(put(stop));
    // The last writer of a shared stream ends it; a stream of its own ends with its writer.
    const auto is_last = --state_->open_writers == 0;
    if (is_last || stream_ != state_->direct) {
      WEIR_TRY(stream_->end(stop).while_doing("writing to " + state_->plan.target.text()));
    }
    finished_ = true;
    state_->rows += rows_;
    return {};
  }

 private:
  Result<void> put(std::stop_token stop) {
    if (buffer_.size() != 0) WEIR_TRY(stream_->put({buffer_.data(), buffer_.size()}, stop));
    buffer_.clear();
    return {};
  }

  Result<void> write_rows(const data::Batch& batch, std::stop_token stop) {
    for (std::size_t begin = 0; begin < batch.rows(); begin += kBlockRows) {
      WEIR_TRY(encoder_.append(batch, begin, std::min(kBlockRows, batch.rows() - begin), buffer_));
      if (buffer_.size() >= kPieceBytes) WEIR_TRY(put(stop));
    }
    return {};
  }

  // Columns that the table lacks, and that the user lets go.
  data::Batch without_left_out(const data::Batch& batch) const {
    const auto& plan = state_->plan;
    if (plan.taken.empty()) return batch;
    std::vector<data::Column> columns;
    for (const auto index : plan.taken) columns.push_back(batch.column(index));
    data::Batch narrowed{plan.request.schema, std::move(columns), batch.rows()};
    return batch.changes() ? std::move(narrowed).with_changes(*batch.changes()) : std::move(narrowed);
  }

  data::Batch with_changes(const data::Batch& batch) {
    data::ColumnBuilder changes{data::type_of(data::Kind::Int16)};
    data::ColumnBuilder places{data::type_of(data::Kind::Int64)};
    auto place = state_->place.fetch_add(static_cast<std::int64_t>(batch.rows()));
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const auto change = batch.changes() ? (*batch.changes())[row] : data::Change::Insert;
      if (change == data::Change::Delete) state_->has_deletes = true;
      changes.append(static_cast<std::int16_t>(change));
      places.append(place++);
    }
    auto columns = batch.columns();
    columns.push_back(changes.finish());
    columns.push_back(places.finish());
    return data::Batch{merge_schema_, std::move(columns), batch.rows()};
  }

  std::shared_ptr<LoadState> state_;
  std::shared_ptr<CopyStream> stream_;
  CopyEncoder encoder_;
  data::SchemaPtr merge_schema_;  // the stage's schema; null unless the load merges
  data::BufferBuilder buffer_;
  std::uint64_t rows_ = 0;
  bool finished_ = false;
};

// Writers of a direct load share one session, since only one transaction can end with the commit; others copy side by side.
Result<std::shared_ptr<CopyStream>> stream_for(LoadState& state, std::stop_token stop) {
  if (state.plan.way != LoadWay::Direct) {
    // The commit flushes the log, and with it everything before.
    return CopyStream::open(WEIR_TRY(state.pool->connect(stop)), "SET synchronous_commit = off",
                            copy_statement(state.plan, state.stage.name()), stop);
  }
  const std::lock_guard lock{state.mutex};
  if (state.direct == nullptr) {
    state.direct = WEIR_TRY(CopyStream::open(WEIR_TRY(state.pool->connect(stop)), "BEGIN",
                                             copy_statement(state.plan, state.plan.target), stop));
  }
  return state.direct;
}

}  // namespace

Result<std::unique_ptr<flow::Writer>> open_writer(std::shared_ptr<LoadState> state, std::stop_token stop) {
  const auto& plan = state->plan;
  auto columns = plan.columns;
  data::SchemaPtr stage_schema;
  if (plan.merges()) {
    stage_schema = std::make_shared<const data::Schema>(merge_schema(*plan.request.schema));
    columns.push_back(new_column(kChangeColumn, data::type_of(data::Kind::Int16)));
    columns.push_back(new_column(kPlaceColumn, data::type_of(data::Kind::Int64)));
  }
  auto encoder = WEIR_TRY(CopyEncoder::create(stage_schema ? *stage_schema : *plan.request.schema, columns));
  auto stream = WEIR_TRY(stream_for(*state, stop).while_doing("writing to " + plan.target.text()));
  return std::unique_ptr<flow::Writer>{
      std::make_unique<CopyWriter>(std::move(state), std::move(stream), std::move(encoder), std::move(stage_schema))};
}

}  // namespace weir::postgres
