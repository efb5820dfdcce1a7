#include "web/api.hpp"
#include "web/shapes.hpp"

// Signing in and out, and what a page needs to know before anything else.
namespace weir::web {
namespace {

std::string local_zone() {
  std::error_code ignored;
  const auto target = std::filesystem::read_symlink("/etc/localtime", ignored).string();
  const auto at = target.find("zoneinfo/");
  return at == std::string::npos ? "UTC" : target.substr(at + 9);
}

Result<Json> session(const Api& api, const Call& call) {
  const bool open = WEIR_TRY(api.gate.is_open_to(call.http));
  Json user;
  // A stranger learns no more than that there is something to sign in to.
  if (!call.principal.name.empty()) user = {{"name", call.principal.name}, {"role", name(call.principal.role)}};
  Json json{
      {"user", user}, {"open", open}, {"version", api.weir_version}, {"project", nullptr}, {"timezone", local_zone()}};
  if (!user.is_null()) {
    const auto version = api.version();
    json["project"] = {{"name", version->project.name},
                       {"folder", version->project.folder.string()},
                       {"environment", version->project.environment}};
  }
  return json;
}

}  // namespace

std::vector<Route> session_routes(const Api& api) {
  const auto shape =
      object({{"user", or_null(object({{"name", text()}, {"role", one_of({"viewer", "operator", "admin"})}}))},
              {"open", flag("No user exists yet and the request comes from this machine: no password is needed")},
              {"version", text()},
              {"project", or_null(object({{"name", text()}, {"folder", text()}, {"environment", text()}}))},
              {"timezone", text("The server's")}});
  return {
      {.method = "GET",
       .path = "/session",
       .summary = "Who is signed in, and to what",
       .access = Access::Open,
       .answer = shape,
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(session(api, call))}; }},
      // Signing in is done by the server itself, before routes: its refusals have statuses of their own.
      {.method = "POST",
       .path = "/session",
       .summary = "Signs in; 401 for a wrong name or password, 429 with Retry-After after too many",
       .access = Access::Open,
       .body = {{"name", text()}, {"password", text()}},
       .answer = shape,
       .action = "session.start"},
      {.method = "DELETE",
       .path = "/session",
       .summary = "Signs out",
       .access = Access::Open,
       .status = 204,
       .action = "session.end",
       .handle = [&api](Call& call) -> Result<Answer> {
         Answer answer;
         answer.headers.add("Set-Cookie", WEIR_TRY(api.gate.sign_out(call.http)));
         return answer;
       }},
  };
}

}  // namespace weir::web
