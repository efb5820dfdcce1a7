#include "connectors/postgres/writer.hpp"

#include <fmt/ranges.h>

#include "connectors/postgres/copy_encoder.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

constexpr std::size_t kBlockRows = 1024;               // encoded at once: their bytes stay in the cache
constexpr std::size_t kPieceBytes = 256U << 10;        // handed to libpq at once
constexpr std::uint64_t kCopyBytesMax = 256ULL << 20;  // a server that refuses a row says so at the end of a COPY

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
  enum class Into { Stage, Table };

  CopyWriter(std::shared_ptr<LoadState> state, Connection connection, CopyEncoder encoder, Into into, data::SchemaPtr merge_schema)
      : state_(std::move(state)),
        connection_(std::move(connection)),
        encoder_(std::move(encoder)),
        into_(into),
        copy_(copy_statement(state_->plan, into == Into::Table ? state_->plan.target : state_->stage.name())),
        merge_schema_(std::move(merge_schema)) {
    ++state_->open_writers;
  }

  ~CopyWriter() override {
    if (!finished_) state_->spoiled = true;
  }

  Result<void> start(std::stop_token stop) {
    if (into_ == Into::Table) {
      WEIR_TRY(connection_.run("BEGIN", stop));
    } else {
      // The commit flushes the log, and with it everything before.
      WEIR_TRY(connection_.run("SET synchronous_commit = off", stop));
    }
    return begin_copy(stop);
  }

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    return write_batch(merge_schema_ ? with_changes(batch) : batch, stop).while_doing("writing to " + state_->plan.target.text());
  }

  Result<void> finish(std::stop_token stop) override {
    WEIR_TRY(end_copy(stop).while_doing("writing to " + state_->plan.target.text()));
    finished_ = true;
    --state_->open_writers;
    state_->rows += rows_;
    if (into_ == Into::Table) {
      const std::lock_guard lock{state_->mutex};
      state_->direct.emplace(std::move(connection_));
    }
    return {};
  }

 private:
  Result<void> begin_copy(std::stop_token stop) {
    WEIR_TRY(connection_.start_copy_in(copy_, stop).while_doing("writing to " + state_->plan.target.text()));
    copied_bytes_ = 0;
    buffer_.clear();
    CopyEncoder::append_header(buffer_);
    return {};
  }

  Result<void> end_copy(std::stop_token stop) {
    CopyEncoder::append_trailer(buffer_);
    WEIR_TRY(put(stop));
    rows_ += WEIR_TRY(connection_.finish_copy_in(stop));
    return {};
  }

  Result<void> put(std::stop_token stop) {
    WEIR_TRY(connection_.put({buffer_.data(), buffer_.size()}, stop));
    copied_bytes_ += buffer_.size();
    buffer_.clear();
    return {};
  }

  Result<void> write_batch(const data::Batch& batch, std::stop_token stop) {
    for (std::size_t begin = 0; begin < batch.rows(); begin += kBlockRows) {
      WEIR_TRY(encoder_.append(batch, begin, std::min(kBlockRows, batch.rows() - begin), buffer_));
      if (buffer_.size() >= kPieceBytes) WEIR_TRY(put(stop));
    }
    if (copied_bytes_ < kCopyBytesMax) return {};
    WEIR_TRY(end_copy(stop));
    return begin_copy(stop);
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
  Connection connection_;
  CopyEncoder encoder_;
  Into into_;
  std::string copy_;
  data::SchemaPtr merge_schema_;  // the stage's schema; null unless the load merges
  data::BufferBuilder buffer_;
  std::uint64_t copied_bytes_ = 0;  // since the COPY began
  std::uint64_t rows_ = 0;
  bool finished_ = false;
};

// The first writer of a direct load needs no stage; what others write goes through one.
Result<CopyWriter::Into> choose(LoadState& state, std::stop_token stop) {
  const std::lock_guard lock{state.mutex};
  if (state.plan.way == LoadWay::Direct && !state.direct_taken) {
    state.direct_taken = true;
    return CopyWriter::Into::Table;
  }
  if (!state.stage.created()) WEIR_TRY(state.stage.create(create_stage(state.plan, state.stage.name()), stop));
  return CopyWriter::Into::Stage;
}

}  // namespace

Result<std::unique_ptr<flow::Writer>> open_writer(std::shared_ptr<LoadState> state, std::stop_token stop) {
  const auto into = WEIR_TRY(choose(*state, stop));
  const auto& plan = state->plan;
  auto columns = plan.columns;
  data::SchemaPtr stage_schema;
  if (plan.merges()) {
    stage_schema = std::make_shared<const data::Schema>(merge_schema(*plan.request.schema));
    columns.push_back(new_column(kChangeColumn, data::type_of(data::Kind::Int16)));
    columns.push_back(new_column(kPlaceColumn, data::type_of(data::Kind::Int64)));
  }
  auto encoder = WEIR_TRY(CopyEncoder::create(stage_schema ? *stage_schema : *plan.request.schema, columns));
  auto connection = WEIR_TRY(state->pool->connect(stop));
  auto writer = std::make_unique<CopyWriter>(std::move(state), std::move(connection), std::move(encoder), into, std::move(stage_schema));
  WEIR_TRY(writer->start(stop));
  return std::unique_ptr<flow::Writer>{std::move(writer)};
}

}  // namespace weir::postgres
