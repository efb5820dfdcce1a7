#include "warehouse/http_interface.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "net/clickhouse_frame.hpp"
#include "warehouse/clickhouse_error.hpp"
#include "warehouse/query_run.hpp"
#include "warehouse/reply.hpp"

namespace weir::warehouse {
namespace {

// Without a difference in time that would tell how much of a password is right.
bool equal_secret(std::string_view ours, std::string_view theirs) {
  unsigned char difference = ours.size() == theirs.size() ? 0 : 1;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    difference |= static_cast<unsigned char>(theirs[i] ^ (i < ours.size() ? ours[i] : '\0'));
  }
  return difference == 0;
}

net::Headers plain_text() {
  net::Headers headers;
  headers.add("Content-Type", "text/plain; charset=UTF-8");
  return headers;
}

}  // namespace

HttpInterface::HttpInterface(Engine& engine, QueryLog& log, InterfaceOptions options)
    : engine_(engine),
      log_(log),
      options_(std::move(options)),
      admission_(options_.statements_max, options_.statements_waiting_max) {}

Result<void> HttpInterface::authenticate(const net::IncomingRequest& request) const {
  const auto credentials = find_credentials(request);
  if (!credentials) {
    return Error::user(Code::AccessDenied, "default: Authentication failed: password is required. (REQUIRED_PASSWORD)")
        .native_code("194");
  }
  if (credentials->user == options_.user && equal_secret(options_.password.reveal(), credentials->password)) return {};
  return Error::user(Code::AccessDenied,
                     "{}: Authentication failed: password is incorrect, or there is no user with such name. "
                     "(AUTHENTICATION_FAILED)",
                     credentials->user)
      .native_code("516");
}

void HttpInterface::handle(net::IncomingRequest& request, net::ResponseWriter& response) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (reads && (request.path == "/ping" || request.path == "/replicas_status" ||
                (request.path == "/" && request.query.empty()))) {
    (void)response.send(200, plain_text(), "Ok.\n");
    return;
  }
  if (request.path != "/") {
    (void)response.send(404, plain_text(), fmt::format("There is no handle {}\n", request.path));
    return;
  }
  if (!reads && request.method != "POST") {
    (void)response.send(501, plain_text(), fmt::format("Method {} is not supported\n", request.method));
    return;
  }
  handle_query(request, response);
}

void HttpInterface::handle_query(net::IncomingRequest& request, net::ResponseWriter& response) {
  QueryRun run({engine_, admission_, sessions_, log_, options_.scratch_folder}, request, response);
  const auto authenticated = authenticate(request);
  if (!authenticated.ok()) {
    run.refuse(authenticated.error());
    return;
  }
  run.run();
}

}  // namespace weir::warehouse
