#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "web/route.hpp"

namespace weir::web {

// Below this all routes lie.
inline constexpr std::string_view kBase = "/api/v1";

// Finds the route of a request. Immutable after construction.
class Router {
 public:
  explicit Router(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string> path;
    std::vector<std::string> other_methods;  // that the path has, when `route` is null
  };
  // `target` is the request's path below the base, still percent-encoded: a name may hold a slash ("%2F").
  Match find(std::string_view method, std::string_view target) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

// The query's parameters as their schemas say: numbers and flags read from their texts. InvalidArgument for what does not
// fit, or for a parameter that the route does not have.
Result<Json> read_query(const Route& route, const net::IncomingRequest& request);
// The body as the route describes it. InvalidArgument with the key's path.
Result<Json> read_body(const Route& route, net::IncomingRequest& request);

// The OpenAPI 3.1 document of these routes (https://spec.openapis.org/oas/v3.1.0).
Json openapi(const std::vector<Route>& routes, std::string_view version);

}  // namespace weir::web
