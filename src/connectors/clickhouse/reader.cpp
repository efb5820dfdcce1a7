#include "connectors/clickhouse/reader.hpp"

#include <fmt/format.h>

#include "connectors/clickhouse/native_decoder.hpp"

namespace weir::clickhouse {
namespace {

// From here on JSON columns can be asked for as text in Native format.
constexpr int kFirstVersionWithJsonAsText = 24'010;

Pairs read_settings(const flow::Limits& limits, const ServerInfo& server) {
  Pairs settings{{"max_block_size", std::to_string(limits.batch_rows)}};
  if (server.version >= kFirstVersionWithJsonAsText) {
    settings.emplace_back("output_format_native_write_json_as_string", "1");
  }
  return settings;
}

class NativeReader final : public flow::Reader {
 public:
  NativeReader(std::shared_ptr<ClientPool> pool, flow::Limits limits)
      : pool_(std::move(pool)), client_(pool_->take()), limits_(limits) {}

  // `columns` are the query's when they are known.
  Result<void> start(const std::string& sql, std::optional<std::vector<CatalogColumn>> columns, std::stop_token stop) {
    server_ = WEIR_TRY(pool_->server(stop));
    columns_ = std::move(columns);
    const auto found = WEIR_TRY(run(sql, sql, stop));
    if (found == NativeDecoder::Start::Rows) return {};
    const auto* described = WEIR_TRY(describe(sql, stop));
    const auto read = WEIR_TRY(read_columns(*described, server_.zone));
    if (found == NativeDecoder::Start::UnknownType) {
      const auto wrapped = fmt::format("SELECT {} FROM (\n{}\n)", select_list(read), trim_statement(sql));
      if (WEIR_TRY(run(wrapped, sql, stop)) == NativeDecoder::Start::Rows) return {};
    }
    at_end_ = true;
    schema_ = std::make_shared<const data::Schema>(schema_of(read));
    return {};
  }

  const data::SchemaPtr& schema() const override { return schema_; }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    if (stop.stop_requested()) return cancelled();
    if (at_end_) return std::nullopt;
    stream_->use(stop);
    auto batch = decoder_->next();
    if (!batch.ok()) {
      if (batch.error().code() == Code::Cancelled) return cancelled();
      return stream_->explain(std::move(batch).error());
    }
    if (!*batch) {
      at_end_ = true;
      return std::nullopt;
    }
    return flow::Delivery{std::move(**batch), std::nullopt};
  }

  std::uint64_t bytes_read() const override { return decoder_ ? decoder_->bytes_read() : 0; }

 private:
  Result<NativeDecoder::Start> run(const std::string& sql, const std::string& described_as, std::stop_token stop) {
    decoder_.reset();
    stream_.reset();
    stream_ = WEIR_TRY(client_->select({.sql = sql, .settings = read_settings(limits_, server_)}, stop));
    stream_->use(stop);
    decoder_ = std::make_unique<NativeDecoder>(*stream_, limits_, server_.zone,
                                               [this, described_as, stop](std::size_t column) -> Result<std::string> {
                                                 const auto* columns = WEIR_TRY(describe(described_as, stop));
                                                 if (column >= columns->size()) return std::string{"DateTime"};
                                                 return (*columns)[column].type;
                                               });
    auto started = decoder_->start();
    if (!started.ok()) {
      if (started.error().code() == Code::Cancelled) return cancelled();
      return stream_->explain(std::move(started).error());
    }
    schema_ = decoder_->schema();
    return started;
  }

  // Asked at most once, and only when the stream does not say it all.
  Result<const std::vector<CatalogColumn>*> describe(const std::string& sql, std::stop_token stop) {
    if (!columns_) {
      auto described = describe_query(*pool_, sql, stop);
      // SHOW and the like cannot be described; what they return has plain types.
      if (!described.ok() && described.error().code() == Code::InvalidQuery) described = std::vector<CatalogColumn>{};
      columns_ = WEIR_TRY(std::move(described));
    }
    return &*columns_;
  }

  Error cancelled() {
    if (stream_) client_->kill(stream_->query_id());
    at_end_ = true;
    return Error::cancelled();
  }

  std::shared_ptr<ClientPool> pool_;
  ClientPool::Lease client_;
  flow::Limits limits_;
  ServerInfo server_;
  std::optional<std::vector<CatalogColumn>> columns_;
  std::unique_ptr<ResultStream> stream_;
  std::unique_ptr<NativeDecoder> decoder_;
  data::SchemaPtr schema_;
  bool at_end_ = false;
};

}  // namespace

Result<std::unique_ptr<flow::Reader>> open_reader(std::shared_ptr<ClientPool> pool, const std::string& sql,
                                                  const flow::Limits& limits, std::stop_token stop) {
  auto reader = std::make_unique<NativeReader>(std::move(pool), limits);
  WEIR_TRY(reader->start(sql, std::nullopt, stop));
  return reader;
}

Result<std::unique_ptr<flow::Reader>> open_reader(std::shared_ptr<ClientPool> pool, const std::string& sql,
                                                  std::vector<CatalogColumn> columns, const flow::Limits& limits,
                                                  std::stop_token stop) {
  auto reader = std::make_unique<NativeReader>(std::move(pool), limits);
  WEIR_TRY(reader->start(sql, std::move(columns), stop));
  return reader;
}

}  // namespace weir::clickhouse
