#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/access_store.hpp"
#include "net/http_server.hpp"
#include "web/schema.hpp"

namespace weir::web {

// Who asks.
struct Principal {
  std::string name;  // a user, or "local" while there are no users
  ledger::Role role = ledger::Role::Viewer;
  enum class Means { Session, Token, Loopback } means = Means::Session;
};

// One request to one route, with everything that its description promises already checked.
struct Call {
  const net::IncomingRequest& http;
  std::map<std::string, std::string> path;  // the values of the template's names
  Json query = Json::object();              // by name, as the parameter's type says; absent ones are absent
  Json body = Json::object();
  Principal principal = {};

  const std::string& at(const std::string& name) const { return path.at(name); }
  std::string text(const std::string& name) const { return query.value(name, std::string{}); }
  std::string address() const;  // of the peer, without its port
};

// What a handler gives back. The audit log gets `audited` with the call's object.
struct Answer {
  Json body = nullptr;  // null: no content
  net::Headers headers = {};
  std::string audited = {};
};

enum class Access { Open, Viewer, Operator, Admin };

// Where a change is noted: what was done ("run.cancel"). Reads note nothing.
// One way in: what it takes, what it gives, who may use it and what it does. The router, the OpenAPI document and the test
// of both read nothing else.
struct Route {
  std::string method;
  std::string path;  // below the base: "/runs/{run}"
  std::string summary;
  Access access = Access::Viewer;
  std::vector<Member> query = {};
  std::vector<Member> body = {};
  int status = 200;
  Schema answer = nullptr;  // null: no content
  std::string action = {};  // of the audit log; every route that is no GET has one, but those that change nothing
  std::function<Result<Answer>(Call&)> handle = {};
  // Instead of `handle`: writes the answer itself (streams, downloads).
  std::string media = "application/json";
  std::function<void(Call&, net::ResponseWriter&)> stream = {};
};

// `limit` and `cursor`, which every list takes.
std::vector<Member> page_parameters(std::vector<Member> others = {});
// InvalidArgument for a cursor that none of our lists has given.
Result<ledger::PageRequest> page_of(const Call& call);
// What is left of `found` for a page of `page.limit` when one more was asked for; the cursor of the rest.
Json page_answer(Json items, const std::optional<std::int64_t>& next);

}  // namespace weir::web
