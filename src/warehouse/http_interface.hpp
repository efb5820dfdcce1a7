#pragma once

#include <functional>
#include <string>

#include "base/secret.hpp"
#include "net/http_server.hpp"
#include "warehouse/admission.hpp"
#include "warehouse/engine.hpp"
#include "warehouse/query_log.hpp"
#include "warehouse/request_options.hpp"
#include "warehouse/sessions.hpp"

namespace weir::warehouse {

struct InterfaceOptions {
  std::string user = "default";
  Secret password;
  std::filesystem::path scratch_folder;  // for results that are held back
  int statements_max = 16;               // run at once
  int statements_waiting_max = 256;
};

// ClickHouse's HTTP interface over the engine (https://clickhouse.com/docs/interfaces/http): the part that clients use.
// Thread-safe.
class HttpInterface {
 public:
  HttpInterface(Engine& engine, QueryLog& log, InterfaceOptions options);

  void handle(net::IncomingRequest& request, net::ResponseWriter& response);

 private:
  Result<void> authenticate(const net::IncomingRequest& request) const;
  void handle_query(net::IncomingRequest& request, net::ResponseWriter& response);

  Engine& engine_;
  QueryLog& log_;
  const InterfaceOptions options_;
  Admission admission_;
  Sessions sessions_;
};

}  // namespace weir::warehouse
