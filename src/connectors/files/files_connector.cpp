#include "connectors/files/files_connector.hpp"

#include "connectors/files/files_sink.hpp"
#include "connectors/files/files_source.hpp"
#include "connectors/files/text_format.hpp"

namespace weir::files {

flow::Connector files_connector(OpenParquet open_parquet) {
  if (!open_parquet) {
    open_parquet = [](const flow::OpenContext&, const std::string&) -> Result<std::shared_ptr<ParquetCodec>> {
      return Error::user(Code::Unsupported, "Parquet needs a ClickHouse connection")
          .hint("add a connection of type clickhouse with managed: true to weir.yml");
    };
  }
  flow::Connector connector;
  connector.name = "files";
  connector.summary = "CSV, TSV, JSON lines and Parquet files in the project's folder";
  connector.read_options = read_settings();
  connector.write_options = write_settings();
  connector.open_source = [open_parquet](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Source>> {
    return std::make_unique<FilesSource>(context, open_parquet);
  };
  connector.open_sink = [open_parquet](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Sink>> {
    return std::make_unique<FilesSink>(context, open_parquet);
  };
  return connector;
}

}  // namespace weir::files
