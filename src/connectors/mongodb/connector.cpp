#include "connectors/mongodb/connector.hpp"

#include "connectors/mongodb/address.hpp"
#include "connectors/mongodb/document_encoder.hpp"
#include "connectors/mongodb/sink.hpp"
#include "connectors/mongodb/source.hpp"

namespace weir {
namespace {

std::vector<Setting> connection_settings() {
  auto settings = mongodb::address_settings();
  for (auto& setting : mongodb::source_settings()) settings.push_back(std::move(setting));
  return settings;
}

}  // namespace

flow::Connector mongodb_connector() {
  return {
      .name = "mongodb",
      .summary = "MongoDB 4.2 and newer: collections as tables, nested documents as columns, child tables or json",
      .settings = connection_settings(),
      .write_options = mongodb::encode_settings(),
      .open_source = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Source>> {
        return WEIR_TRY(mongodb::MongoSource::open(context));
      },
      .open_sink = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Sink>> {
        auto address =
            mongodb::address_from(context.connection.settings).while_doing("connection " + context.connection.name);
        return mongodb::make_sink(WEIR_TRY(std::move(address)), *context.log);
      },
  };
}

}  // namespace weir
