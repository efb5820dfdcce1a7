#include "web/api.hpp"
#include "web/shapes.hpp"

// Backfills: a pipeline over a range of its intervals.
namespace weir::web {
namespace {

constexpr int kListed = 100;

engine::BackfillRequest request_of(const Call& call) {
  engine::BackfillRequest request;
  request.pipeline = call.at("pipeline");
  request.from = parse_instant(call.body["from"].get<std::string>()).value_or(Instant{});
  request.to = parse_instant(call.body["to"].get<std::string>()).value_or(Instant{});
  request.mode =
      ledger::parse_backfill_mode(call.body.value("mode", "missing")).value_or(ledger::BackfillMode::Missing);
  request.parallel = call.body.value("parallel", 1);
  request.params = call.body.value("params", Json::object());
  request.downstream = call.body.value("downstream", false);
  request.by = call.principal.name;
  return request;
}

Json preview_json(const engine::BackfillPreview& preview) {
  auto intervals = Json::array();
  for (const auto& interval : preview.intervals) {
    const auto& run = interval.existing;
    intervals.push_back({{"from", to_json(interval.from)},
                         {"to", to_json(interval.to)},
                         {"run", run ? Json(run->id.text()) : Json(nullptr)},
                         {"state", run ? Json(name(run->state)) : Json(nullptr)},
                         {"exists", run.has_value()},
                         {"chosen", interval.chosen}});
  }
  return {{"intervals", std::move(intervals)}, {"overwritten", preview.overwritten}};
}

Result<ledger::Backfill> find(const Api& api, const std::string& id) {
  auto found = WEIR_TRY(api.book.find_backfill(id));
  if (!found) return Error::user(Code::NotFound, "no such backfill: {}", id);
  return std::move(*found);
}

Route change(const Api& api, const std::string& verb, const std::string& summary, std::vector<Member> body,
             std::function<Result<ledger::Backfill>(const Call&)> act) {
  return {.method = "POST",
          .path = "/backfills/{backfill}/" + verb,
          .summary = summary,
          .access = Access::Operator,
          .body = std::move(body),
          .answer = reference("Backfill"),
          .action = "backfill." + verb,
          .handle = [&api, act = std::move(act)](Call& call) -> Result<Answer> {
            WEIR_TRY(find(api, call.at("backfill")));
            return Answer{to_json(WEIR_TRY(act(call)))};
          }};
}

}  // namespace

std::vector<Route> backfill_routes(const Api& api) {
  return {
      {.method = "GET",
       .path = "/pipelines/{pipeline}/backfills",
       .summary = "The backfills of a pipeline, newest first",
       .answer = page_of(reference("Backfill")),
       .handle = [&api](Call& call) -> Result<Answer> {
         auto items = Json::array();
         for (const auto& backfill : WEIR_TRY(api.book.backfills(call.at("pipeline"), kListed)))
           items.push_back(to_json(backfill));
         return Answer{page_answer(std::move(items), {})};
       }},
      {.method = "POST",
       .path = "/pipelines/{pipeline}/backfills",
       .summary = "Runs a pipeline over a range of its intervals; with `preview` only says what it would do",
       .access = Access::Operator,
       .body = {{"from", instant()},
                {"to", instant()},
                {"mode", one_of({"missing", "failed", "all"}), Need::Optional},
                {"parallel", integer("Runs at once"), Need::Optional},
                {"params", map_of(anything()), Need::Optional},
                {"preview", flag(), Need::Optional},
                {"downstream", flag("Also set off what waits for its tables"), Need::Optional}},
       .answer = {{"anyOf", Json::array({reference("Backfill"), reference("BackfillPreview")})}},
       .action = "backfill.create",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.pipeline(*api.version(), call.at("pipeline")));
         const auto request = request_of(call);
         if (request.parallel < 1) return Error::user(Code::InvalidArgument, "parallel: at least 1");
         if (call.body.value("preview", false))
           return Answer{
               .body = preview_json(WEIR_TRY(api.scheduler.preview(request))), .headers = {}, .audited = "preview"};
         const auto backfill = WEIR_TRY(api.scheduler.backfill(request));
         return Answer{.body = to_json(backfill), .headers = {}, .audited = backfill.id};
       }},
      {.method = "GET",
       .path = "/backfills/{backfill}",
       .summary = "A backfill with its intervals",
       .answer = reference("Backfill"),
       .handle = [&api](Call& call) -> Result<Answer> {
         return Answer{to_json(WEIR_TRY(find(api, call.at("backfill"))))};
       }},
      change(api, "pause", "Starts no further intervals for now", {},
             [&api](const Call& call) { return api.scheduler.pause_backfill(call.at("backfill")); }),
      change(api, "resume", "Goes on after a pause", {},
             [&api](const Call& call) { return api.scheduler.resume_backfill(call.at("backfill")); }),
      change(api, "cancel", "Starts no further intervals for good",
             {{"now", flag("Also cancel its runs"), Need::Optional}},
             [&api](const Call& call) {
               return api.scheduler.cancel_backfill(call.at("backfill"), call.body.value("now", false)
                                                                             ? engine::CancelSignal::Urgency::Now
                                                                             : engine::CancelSignal::Urgency::Orderly);
             }),
  };
}

}  // namespace weir::web
