#include "app/parquet.hpp"

#include "connectors/clickhouse/parquet.hpp"
#include "engine/parquet.hpp"

namespace weir::app {
namespace {

class ClickhouseParquet final : public files::ParquetCodec {
 public:
  explicit ClickhouseParquet(const flow::OpenContext& clickhouse) : engine_(clickhouse) {}

  Result<data::Schema> describe(const std::filesystem::path& file, std::stop_token stop) override {
    return engine_.describe(file, stop);
  }
  Result<std::unique_ptr<flow::Reader>> read(const std::filesystem::path& file, const std::vector<std::string>& columns,
                                             const flow::Limits& limits, std::stop_token stop) override {
    return engine_.read(file, columns, limits, stop);
  }
  Result<std::unique_ptr<flow::Writer>> write(const std::filesystem::path& file, const data::SchemaPtr& schema,
                                              std::stop_token stop) override {
    return engine_.write(file, schema, stop);
  }

 private:
  clickhouse::ParquetEngine engine_;
};

}  // namespace

std::shared_ptr<files::ParquetCodec> make_parquet_codec(const flow::OpenContext& clickhouse) {
  return std::make_shared<ClickhouseParquet>(clickhouse);
}

Result<std::shared_ptr<files::ParquetCodec>> open_parquet(const flow::OpenContext& context, const std::string& name) {
  const auto& reachable = context.connection.settings.json(engine::kReachableConnections);
  const auto found = reachable.find(name);
  if (found == reachable.end() || found->at("type") != "clickhouse") {
    return Error::user(Code::Unsupported, "Parquet needs a ClickHouse connection, but there is none of this name: {}",
                       name)
        .hint("add a connection of type clickhouse with managed: true to weir.yml");
  }
  auto clickhouse = context;
  clickhouse.connection = {.name = name, .type = "clickhouse", .settings = Settings{found->at("settings")}};
  return make_parquet_codec(clickhouse);
}

}  // namespace weir::app
