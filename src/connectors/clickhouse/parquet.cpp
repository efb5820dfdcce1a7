#include "connectors/clickhouse/parquet.hpp"

#include <fcntl.h>

#include <cerrno>

#include "connectors/clickhouse/column_type.hpp"
#include "connectors/clickhouse/connector.hpp"
#include "connectors/clickhouse/native_encoder.hpp"
#include "connectors/clickhouse/parquet_footer.hpp"
#include "connectors/clickhouse/parquet_reader.hpp"
#include "connectors/clickhouse/parquet_staging.hpp"
#include "data/cast.hpp"

namespace weir::clickhouse {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

// No later than that: older servers refuse settings that they do not know.
constexpr int kFirstVersionWithBloomFilters = 26'001;

// Row groups small enough that a reader needs little memory, large enough that they compress well.
Pairs output_settings(const ServerInfo& server) {
  Pairs settings{{"output_format_parquet_compression_method", "zstd"},
                 {"output_format_parquet_row_group_size", "262144"},
                 {"output_format_parquet_row_group_size_bytes", "67108864"},
                 {"output_format_parquet_string_as_string", "1"}};
  // Filters for every column would take more bytes than the values.
  if (server.version >= kFirstVersionWithBloomFilters)
    settings.emplace_back("output_format_parquet_write_bloom_filter", "0");
  return settings;
}

data::Column row_numbers(std::uint64_t first, std::size_t rows) {
  data::BufferBuilder values;
  auto* out = reinterpret_cast<std::uint64_t*>(values.extend(rows * sizeof(std::uint64_t)));
  for (std::size_t row = 0; row < rows; ++row) out[row] = first + row;
  return {data::type_of(data::Kind::UInt64), rows, 0, {}, values.finish()};
}

// Collects the rows at the server, then fetches them as a file.
class ParquetWriter final : public flow::Writer {
 public:
  ParquetWriter(std::shared_ptr<ClientPool> pool, std::filesystem::path path, const data::Schema& schema)
      : client_(pool->take()), pool_(std::move(pool)), path_(std::move(path)) {
    for (const auto& field : schema.fields) {
      file_schema_.fields.push_back({field.name, parquet_type(field.type), field.nullable});
      targets_.push_back({field.name, *parse_column_type(clickhouse_type(stored_type(file_schema_.fields.back().type),
                                                                         field.nullable))});
    }
    targets_.push_back({std::string{kRowColumn}, *parse_column_type("UInt64")});
  }

  Result<void> start(Log& log, std::stop_token stop) {
    std::string columns;
    for (const auto& target : std::span{targets_}.first(targets_.size() - 1)) {
      columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_name(target.name), target.wire.text);
      names_ += fmt::format("{}{}", names_.empty() ? "" : ", ", quote_name(target.name));
    }
    staging_ = WEIR_TRY(ParquetStaging::create(pool_, columns, log, stop));
    encoder_ = std::make_unique<NativeEncoder>(targets_);
    return {};
  }

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    if (batch.rows() == 0) return {};
    if (!insert_) {
      insert_ = WEIR_TRY(client_->insert({.sql = fmt::format("INSERT INTO {} ({}, {}) FORMAT Native",
                                                             staging_->quoted(), names_, quote_name(kRowColumn)),
                                          .settings = parquet_insert_settings()},
                                         stop));
    }
    insert_->use(stop);
    std::vector<data::Column> columns;
    for (std::size_t i = 0; i < batch.columns().size(); ++i) {
      const auto& type = file_schema_.fields[i].type;
      const auto fitting = WEIR_TRY(
          data::cast(batch.column(i), type).while_doing(fmt::format("column {}", file_schema_.fields[i].name)));
      columns.push_back(WEIR_TRY(with_meaning(fitting, stored_type(type))));
    }
    columns.push_back(row_numbers(rows_, batch.rows()));
    WEIR_TRY(encoder_->write(columns, batch.rows(), *insert_));
    rows_ += batch.rows();
    return {};
  }

  Result<void> finish(std::stop_token stop) override {
    if (insert_) {
      insert_->use(stop);
      WEIR_TRY(insert_->finish());
      insert_.reset();
    }
    const auto doing = fmt::format("writing file: {}", path_.string());
    const Descriptor file{::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!file) return Error::from_errno(errno, doing);
    WEIR_TRY(fetch(file, doing, stop));
    WEIR_TRY(annotate_file(file, path_, file_schema_, rows_));
    staging_.reset();
    return {};
  }

 private:
  Result<void> fetch(const Descriptor& file, const std::string& doing, const std::stop_token& stop) {
    const auto server = WEIR_TRY(pool_->server(stop));
    const auto result =
        WEIR_TRY(client_->select({.sql = fmt::format("SELECT {} FROM {} ORDER BY {} FORMAT Parquet", names_,
                                                     staging_->quoted(), quote_name(kRowColumn)),
                                  .settings = output_settings(server)},
                                 stop));
    result->use(stop);
    std::vector<std::byte> buffer(kBufferBytes);
    for (;;) {
      const auto count = result->read(buffer);
      if (!count.ok() && count.error().code() == Code::Cancelled) {
        client_->kill(result->query_id());
        return Error::cancelled();
      }
      if (!count.ok()) return result->explain(Error{count.error()});
      if (*count == 0) return {};
      WEIR_TRY(write_all(file.get(), net::as_text({buffer.data(), *count}), doing));
    }
  }

  ClientPool::Lease client_;
  std::shared_ptr<ClientPool> pool_;
  std::filesystem::path path_;
  data::Schema file_schema_;  // in types that Parquet has
  std::vector<NativeEncoder::Target> targets_;
  std::string names_;
  std::unique_ptr<ParquetStaging> staging_;
  std::unique_ptr<NativeEncoder> encoder_;
  std::unique_ptr<InsertStream> insert_;
  std::uint64_t rows_ = 0;
};

}  // namespace

struct ParquetEngine::State {
  std::shared_ptr<ClientPool> pool;
  Log* log;
};

ParquetEngine::ParquetEngine(const flow::OpenContext& context)
    : state_(std::make_shared<const State>(State{make_pool(context), context.log})) {}
ParquetEngine::~ParquetEngine() = default;

Result<data::Schema> ParquetEngine::describe(const std::filesystem::path& file, std::stop_token stop) {
  return describe_parquet(*state_->pool, file, stop);
}

Result<std::unique_ptr<flow::Reader>> ParquetEngine::read(const std::filesystem::path& file,
                                                          const std::vector<std::string>& columns,
                                                          const flow::Limits& limits, std::stop_token stop) {
  return open_parquet_reader(state_->pool, file, columns, limits, *state_->log, stop);
}

Result<std::unique_ptr<flow::Writer>> ParquetEngine::write(const std::filesystem::path& file,
                                                           const data::SchemaPtr& schema, std::stop_token stop) {
  auto writer = std::make_unique<ParquetWriter>(state_->pool, file, *schema);
  WEIR_TRY(writer->start(*state_->log, stop));
  return writer;
}

}  // namespace weir::clickhouse
