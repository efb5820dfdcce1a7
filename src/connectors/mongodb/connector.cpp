#include "connectors/mongodb/connector.hpp"

#include "connectors/mongodb/address.hpp"
#include "connectors/mongodb/document_encoder.hpp"
#include "connectors/mongodb/sink.hpp"

namespace weir {

flow::Connector mongodb_connector() {
  return {
      .name = "mongodb",
      .summary = "MongoDB 4.2 and newer: collections as tables, nested documents as columns, child tables or json",
      .settings = mongodb::address_settings(),
      .write_options = mongodb::encode_settings(),
      .open_sink = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Sink>> {
        auto address =
            mongodb::address_from(context.connection.settings).while_doing("connection " + context.connection.name);
        return mongodb::make_sink(WEIR_TRY(std::move(address)), *context.log);
      },
  };
}

}  // namespace weir
