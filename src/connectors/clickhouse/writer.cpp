#include "connectors/clickhouse/writer.hpp"

#include <fmt/format.h>

#include "data/cast.hpp"

namespace weir::clickhouse {
namespace {

constexpr int kFirstVersionWithNullAsDefault = 19'015;
constexpr int kFirstVersionWithAsyncInsert = 21'011;

Pairs insert_settings(const ServerInfo& server) {
  // Two equal blocks of one load are two blocks.
  Pairs settings{{"insert_deduplicate", "0"}};
  // A NULL for a column without NULLs is an error, not a zero.
  if (server.version >= kFirstVersionWithNullAsDefault) settings.emplace_back("input_format_null_as_default", "0");
  if (server.version >= kFirstVersionWithAsyncInsert) settings.emplace_back("async_insert", "0");
  return settings;
}

template <typename T, typename Value>
data::Column numbers(data::Kind kind, std::size_t rows, Value value) {
  data::BufferBuilder values;
  auto* out = reinterpret_cast<T*>(values.extend(rows * sizeof(T)));
  for (std::size_t row = 0; row < rows; ++row) out[row] = value(row);
  return {data::type_of(kind), rows, 0, {}, values.finish()};
}

class NativeWriter final : public flow::Writer {
 public:
  NativeWriter(std::shared_ptr<ClientPool> pool, ServerInfo server, std::shared_ptr<const LoadPlan> plan,
               std::shared_ptr<LoadProgress> progress)
      : client_(pool->take()),
        options_(pool->options()),
        server_(std::move(server)),
        plan_(std::move(plan)),
        progress_(std::move(progress)),
        encoder_(targets()) {
    ++progress_->unfinished;
  }

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    if (batch.rows() == 0) return {};
    if (!stream_) WEIR_TRY(start(stop));
    stream_->use(stop);
    const auto fitting = *batch.schema() == *plan_->schema ? batch : WEIR_TRY(data::cast(batch, plan_->schema));
    auto columns = fitting.columns();
    if (plan_->mode == flow::WriteMode::Merge) add_changes(batch, columns);
    WEIR_TRY(encoder_.write(columns, batch.rows(), *stream_));
    progress_->rows += batch.rows_left();
    progress_->deletes += batch.rows() - batch.rows_left();
    return {};
  }

  Result<void> finish(std::stop_token stop) override {
    if (stream_) {
      stream_->use(stop);
      WEIR_TRY(stream_->finish());
      stream_.reset();
    }
    if (!std::exchange(finished_, true)) --progress_->unfinished;
    return {};
  }

 private:
  std::vector<NativeEncoder::Target> targets() const {
    auto targets = plan_->wire;
    if (plan_->mode == flow::WriteMode::Merge) {
      targets.push_back({std::string{kSequenceColumn}, *parse_column_type("UInt64")});
      targets.push_back({std::string{kDeletedColumn}, *parse_column_type("UInt8")});
    }
    return targets;
  }

  Result<void> start(std::stop_token stop) {
    std::vector<std::string> names;
    for (const auto& target : targets()) names.push_back(quote_name(target.name));
    stream_ =
        WEIR_TRY(client_->insert({.sql = fmt::format("INSERT INTO {} ({}) FORMAT Native",
                                                     quote_relation(plan_->staging, options_), fmt::join(names, ", ")),
                                  .settings = insert_settings(server_)},
                                 stop));
    return {};
  }

  void add_changes(const data::Batch& batch, std::vector<data::Column>& columns) {
    const auto rows = batch.rows();
    const auto first = progress_->sequence.fetch_add(rows);
    columns.push_back(numbers<std::uint64_t>(data::Kind::UInt64, rows, [&](std::size_t row) { return first + row; }));
    const auto& changes = batch.changes();
    columns.push_back(numbers<std::uint8_t>(data::Kind::UInt8, rows, [&](std::size_t row) -> std::uint8_t {
      return changes && (*changes)[row] == data::Change::Delete ? 1 : 0;
    }));
  }

  ClientPool::Lease client_;
  const ClientOptions& options_;
  ServerInfo server_;
  std::shared_ptr<const LoadPlan> plan_;
  std::shared_ptr<LoadProgress> progress_;
  NativeEncoder encoder_;
  std::unique_ptr<InsertStream> stream_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<flow::Writer> make_writer(std::shared_ptr<ClientPool> pool, ServerInfo server,
                                          std::shared_ptr<const LoadPlan> plan,
                                          std::shared_ptr<LoadProgress> progress) {
  return std::make_unique<NativeWriter>(std::move(pool), std::move(server), std::move(plan), std::move(progress));
}

}  // namespace weir::clickhouse
