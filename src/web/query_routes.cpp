#include <algorithm>
#include <set>

#include "engine/quoting.hpp"
#include "web/api.hpp"
#include "web/shapes.hpp"

// The SQL console. What a viewer may do is decided by the database: their statements run in a mode of it that refuses
// changes (flow::Rights::Read), whatever they say.
namespace weir::web {
namespace {

constexpr std::int64_t kRowsDefault = 1000;
constexpr std::int64_t kRowsMax = 100'000;

bool gives_rows(const sql::Statement& statement) {
  static const std::set<std::string> kKeywords{"SELECT",  "WITH",   "SHOW",   "DESCRIBE", "DESC",
                                               "EXPLAIN", "EXISTS", "VALUES", "TABLE"};
  return kKeywords.contains(statement.keyword);
}

Result<RowsAnswer> execute(const Api& api, const Call& call, std::stop_token stop) {
  const auto rights = call.principal.role == ledger::Role::Viewer ? flow::Rights::Read : flow::Rights::All;
  const auto version = api.version();
  const auto name = call.body["connection"].get<std::string>();
  const auto database = WEIR_TRY(version->connections->open_database(name, stop, silent_log(), rights));
  const auto text = call.body["sql"].get<std::string>();
  const auto statements = sql::split_statements(text, engine::quoting_of(database->dialect()));
  if (statements.size() != 1)
    return Error::user(Code::InvalidArgument, "one statement at a time, but this has {}", statements.size());
  if (!gives_rows(statements.front())) {
    const auto changed = WEIR_TRY(database->execute(statements.front().text, stop));
    RowsAnswer answer;
    answer.columns.push_back({{"name", "rows_changed"}, {"type", "uint64"}});
    answer.rows.push_back(Json::array({changed}));
    return answer;
  }
  const auto limit = std::clamp<std::int64_t>(call.body.value("limit", kRowsDefault), 1, kRowsMax);
  const auto reader = WEIR_TRY(database->select(statements.front().text, {}, stop));
  return read_rows(*reader, static_cast<std::size_t>(limit), stop);
}

Result<Answer> query(const Api& api, const Call& call) {
  const auto name = call.body["connection"].get<std::string>();
  if (api.version()->project.find_connection(name) == nullptr)
    return Error::user(Code::NotFound, "no such connection: {}", name);
  const auto running =
      WEIR_TRY(api.queries.begin(call.principal.name, call.body.value("id", std::string{}), call.http.gone));
  const auto at = api.now();
  const auto began = std::chrono::steady_clock::now();
  auto outcome = execute(api, call, running->stop());
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  const auto sql = call.body["sql"].get<std::string>();
  WEIR_TRY(api.access.record(ledger::QueryRecord{.at = at,
                                                 .user = call.principal.name,
                                                 .connection = name,
                                                 .sql = sql,
                                                 .error = outcome.ok() ? "" : outcome.error().message(),
                                                 .rows = outcome.ok() ? outcome->rows.size() : 0,
                                                 .elapsed = elapsed}));
  // The database's own advice is for who set the connection up.
  const bool is_viewer = call.principal.role == ledger::Role::Viewer;
  if (!outcome.ok() && is_viewer && outcome.error().code() == Code::AccessDenied)
    return Error{Fault::User, Code::AccessDenied, outcome.error().message()}.hint(
        "a viewer's statements may only read");
  auto rows = WEIR_TRY(std::move(outcome));
  return Answer{.body = {{"id", running->id()},
                         {"columns", std::move(rows.columns)},
                         {"rows", std::move(rows.rows)},
                         {"elapsed_s", seconds(elapsed)},
                         {"truncated", rows.truncated}},
                .headers = {},
                .audited = fmt::format("{}: {}", name, sql.substr(0, 500))};
}

Result<Json> history(const Api& api, const Call& call) {
  auto page = WEIR_TRY(page_of(call));
  const auto wanted = static_cast<std::size_t>(page.limit++);
  auto records = WEIR_TRY(api.access.queries(call.principal.name, page));
  std::optional<std::int64_t> next;
  if (records.size() > wanted) {
    records.pop_back();
    next = records.back().sequence;
  }
  auto items = Json::array();
  for (const auto& record : records) items.push_back(to_json(record));
  return page_answer(std::move(items), next);
}

}  // namespace

std::vector<Route> query_routes(const Api& api) {
  return {
      {.method = "POST",
       .path = "/query",
       .summary = "Runs one statement; viewers' statements may only read",
       .body = {{"connection", text()},
                {"sql", text()},
                {"limit", integer("Rows at most; 1 to 100000, 1000 unless told"), Need::Optional},
                {"id", text("A name of your own, by which to cancel it while it runs"), Need::Optional}},
       .answer = object({{"id", text()},
                         {"columns", list_of(reference("Column"))},
                         {"rows", list_of(list_of(anything()))},
                         {"elapsed_s", number()},
                         {"truncated", flag("There are more rows")}}),
       .action = "query.run",
       .handle = [&api](Call& call) { return query(api, call); }},
      {.method = "GET",
       .path = "/query/history",
       .summary = "Your last statements, newest first",
       .query = page_parameters(),
       .answer = page_of(reference("Query")),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(history(api, call))}; }},
      {.method = "DELETE",
       .path = "/query/{query}",
       .summary = "Cancels one of your statements that runs",
       .status = 204,
       .action = "query.cancel",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.queries.cancel(call.principal.name, call.at("query")));
         return Answer{};
       }},
  };
}

}  // namespace weir::web
