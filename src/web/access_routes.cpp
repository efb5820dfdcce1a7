#include <algorithm>

#include "web/api.hpp"
#include "web/shapes.hpp"

// Users, API tokens and the audit log.
namespace weir::web {
namespace {

constexpr int kTokenLength = 43;  // letters and digits: 256 bits
constexpr int kTokenIdLength = 10;

ledger::Role role_of(const Json& body, const char* key = "role") {
  return ledger::parse_role(body.value(key, std::string{})).value_or(ledger::Role::Viewer);
}

Result<Answer> add_user(const Api& api, const Call& call) {
  const auto name = call.body["name"].get<std::string>();
  if (name.empty() || name.size() > 100 || !std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '@' || c >= 0x80;
      })) {
    return Error::user(Code::InvalidArgument, "a user's name is 1 to 100 letters, digits and . _ - @: {}", name);
  }
  const auto role = role_of(call.body);
  if (!WEIR_TRY(api.access.has_users()) && role != ledger::Role::Admin) {
    return Error::user(Code::InvalidArgument, "the first user has to be an admin")
        .hint("otherwise nobody could add others");
  }
  ledger::User user{.name = name,
                    .role = role,
                    .password_hash = WEIR_TRY(api.gate.hash(Secret{call.body["password"].get<std::string>()})),
                    .created_at = api.now(),
                    .last_seen_at = {}};
  WEIR_TRY(api.access.add_user(user));
  return Answer{.body = to_json(user), .headers = {}, .audited = fmt::format("{} {}", ledger::name(role), name)};
}

Result<Answer> change_user(const Api& api, const Call& call) {
  std::optional<ledger::Role> role;
  std::optional<std::string> hash;
  if (call.body.contains("role")) role = role_of(call.body);
  if (call.body.contains("password")) hash = WEIR_TRY(api.gate.hash(Secret{call.body["password"].get<std::string>()}));
  WEIR_TRY(api.access.change_user(call.at("user"), role, hash));
  const auto user = WEIR_TRY(api.access.find_user(call.at("user")));
  if (!user) return Error::user(Code::NotFound, "no such user: {}", call.at("user"));
  return Answer{
      .body = to_json(*user),
      .headers = {},
      .audited = fmt::format("{}{}", role ? std::string{ledger::name(*role)} + " " : "", hash ? "new password" : "")};
}

// Everybody may make tokens for themselves, with no more rights than they have.
Result<Answer> add_token(const Api& api, const Call& call) {
  const auto role = role_of(call.body);
  if (role > call.principal.role)
    return Error{Fault::User, Code::AccessDenied, "a token cannot have more rights than who makes it"};
  std::optional<Instant> expires;
  if (const auto given = call.body.find("expires_at"); given != call.body.end() && given->is_string()) {
    expires = parse_instant(given->get<std::string>());
    if (expires && *expires <= api.now()) return Error::user(Code::InvalidArgument, "expires_at lies in the past");
  }
  const auto secret = "weir_" + generate_secret(kTokenLength).reveal();
  ledger::Token token{.id = generate_secret(kTokenIdLength).reveal(),
                      .name = call.body["name"].get<std::string>(),
                      .user = call.principal.means == Principal::Means::Loopback ? "" : call.principal.name,
                      .role = role,
                      .hash = hash_token(secret),
                      .created_at = api.now(),
                      .last_used_at = {},
                      .expires_at = expires};
  WEIR_TRY(api.access.add_token(token));
  auto json = to_json(token);
  json["token"] = secret;
  return Answer{.body = std::move(json),
                .headers = {},
                .audited = fmt::format("{} {} {}", token.id, ledger::name(role), token.name)};
}

// Whoever knows the old one; all other sessions of theirs end.
Result<Answer> change_password(const Api& api, const Call& call) {
  const auto refused = [](const Refusal& refusal) {
    return Error{Fault::User, Code::AccessDenied, refusal.error.message()};
  };
  const auto known = api.gate.sign_in(call.principal.name, Secret{call.body["old"].get<std::string>()}, call.address());
  if (const auto* refusal = std::get_if<Refusal>(&known)) return refused(*refusal);
  const Secret fresh{call.body["new"].get<std::string>()};
  WEIR_TRY(api.access.change_user(call.principal.name, {}, WEIR_TRY(api.gate.hash(fresh))));
  const auto again = api.gate.sign_in(call.principal.name, fresh, call.address());
  if (const auto* refusal = std::get_if<Refusal>(&again)) return refused(*refusal);
  Answer answer;
  answer.headers.add("Set-Cookie", std::get<Gate::SignedIn>(again).cookie);
  return answer;
}

bool may_manage(const Call& call, const ledger::Token& token) {
  return call.principal.role == ledger::Role::Admin || token.user == call.principal.name;
}

Result<Json> tokens(const Api& api, const Call& call) {
  auto items = Json::array();
  for (const auto& token : WEIR_TRY(api.access.tokens())) {
    if (may_manage(call, token)) items.push_back(to_json(token));
  }
  return page_answer(std::move(items), {});
}

Result<Answer> remove_token(const Api& api, const Call& call) {
  const auto all = WEIR_TRY(api.access.tokens());
  const auto token = std::ranges::find(all, call.at("token"), &ledger::Token::id);
  if (token == all.end() || !may_manage(call, *token))
    return Error::user(Code::NotFound, "no such token: {}", call.at("token"));
  WEIR_TRY(api.access.remove_token(token->id));
  return Answer{.body = nullptr, .headers = {}, .audited = token->name};
}

Result<Json> audit(const Api& api, const Call& call) {
  auto page = WEIR_TRY(page_of(call));
  const auto wanted = static_cast<std::size_t>(page.limit++);
  auto entries = WEIR_TRY(api.access.audit(page));
  std::optional<std::int64_t> next;
  if (entries.size() > wanted) {
    entries.pop_back();
    next = entries.back().sequence;
  }
  auto items = Json::array();
  for (const auto& entry : entries) items.push_back(to_json(entry));
  return page_answer(std::move(items), next);
}

}  // namespace

std::vector<Route> access_routes(const Api& api) {
  const auto role = one_of({"viewer", "operator", "admin"});
  auto made_token = components()["Token"];
  made_token["properties"]["token"] = text("Shown this once: only its hash is kept");
  made_token["required"].push_back("token");
  return {
      {.method = "GET",
       .path = "/users",
       .summary = "All users",
       .access = Access::Admin,
       .answer = page_of(reference("User")),
       .handle = [&api](Call&) -> Result<Answer> {
         auto items = Json::array();
         for (const auto& user : WEIR_TRY(api.access.users())) items.push_back(to_json(user));
         return Answer{page_answer(std::move(items), {})};
       }},
      {.method = "POST",
       .path = "/users",
       .summary = "Adds a user; the first one, an admin, may be made from this machine without a password",
       .access = Access::Admin,
       .body = {{"name", text()}, {"password", text("Eight characters at least")}, {"role", role}},
       .status = 201,
       .answer = reference("User"),
       .action = "user.add",
       .handle = [&api](Call& call) { return add_user(api, call); }},
      {.method = "PATCH",
       .path = "/users/{user}",
       .summary = "Gives a user another role or password, and ends their sessions",
       .access = Access::Admin,
       .body = {{"password", text(), Need::Optional}, {"role", role, Need::Optional}},
       .answer = reference("User"),
       .action = "user.change",
       .handle = [&api](Call& call) { return change_user(api, call); }},
      {.method = "DELETE",
       .path = "/users/{user}",
       .summary = "Removes a user, with their sessions and tokens",
       .access = Access::Admin,
       .status = 204,
       .action = "user.remove",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.access.remove_user(call.at("user")));
         return Answer{};
       }},
      {.method = "POST",
       .path = "/session/password",
       .summary = "Gives yourself another password, and ends your other sessions",
       .body = {{"old", text()}, {"new", text("Eight characters at least")}},
       .status = 204,
       .action = "user.password",
       .handle = [&api](Call& call) { return change_password(api, call); }},
      {.method = "GET",
       .path = "/tokens",
       .summary = "Your API tokens; admins see everybody's",
       .answer = page_of(reference("Token")),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(tokens(api, call))}; }},
      {.method = "POST",
       .path = "/tokens",
       .summary = "Makes an API token with at most your own rights",
       .body = {{"name", text("What it is for")}, {"role", role}, {"expires_at", or_null(instant()), Need::Optional}},
       .status = 201,
       .answer = std::move(made_token),
       .action = "token.add",
       .handle = [&api](Call& call) { return add_token(api, call); }},
      {.method = "DELETE",
       .path = "/tokens/{token}",
       .summary = "Takes a token's rights away",
       .status = 204,
       .action = "token.remove",
       .handle = [&api](Call& call) { return remove_token(api, call); }},
      {.method = "GET",
       .path = "/audit",
       .summary = "What was changed by whom, newest first",
       .access = Access::Admin,
       .query = page_parameters(),
       .answer = page_of(reference("AuditEntry")),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(audit(api, call))}; }},
  };
}

}  // namespace weir::web
