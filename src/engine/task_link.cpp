#include "engine/task_link.hpp"

#include <utility>

#include "engine/error_json.hpp"
#include "engine/task_log.hpp"

namespace weir::engine {
namespace {

Json checkpoint_json(const std::optional<flow::Checkpoint>& checkpoint) {
  return checkpoint ? Json(checkpoint->text) : Json(nullptr);
}

std::optional<flow::Checkpoint> checkpoint_from_json(const Json& json) {
  if (!json.is_string()) return std::nullopt;
  return flow::Checkpoint{json.get<std::string>()};
}

Json answer(Json value) { return {{"type", "answer"}, {"value", std::move(value)}}; }
Json answer(const Error& error) { return {{"type", "answer"}, {"error", engine::to_json(error)}}; }

template <typename T, typename Convert>
Json answer(const Result<T>& result, Convert convert) {
  return result.ok() ? answer(convert(*result)) : answer(result.error());
}

Json answer(const Result<void>& result) { return result.ok() ? answer(Json(true)) : answer(result.error()); }

}  // namespace

Json to_json(const ledger::CheckResult& check) {
  return {{"check", check.check},
          {"severity", check.severity},
          {"passed", check.passed},
          {"rows_checked", check.rows_checked},
          {"rows_failed", check.rows_failed},
          {"detail", check.detail}};
}

ledger::CheckResult check_from_json(const Json& json) {
  ledger::CheckResult check;
  check.check = json.value("check", "");
  check.severity = json.value("severity", "");
  check.passed = json.value("passed", false);
  check.rows_checked = json.value("rows_checked", std::uint64_t{0});
  check.rows_failed = json.value("rows_failed", std::uint64_t{0});
  check.detail = json.value("detail", "");
  return check;
}

Json part_to_json(const ledger::Attempt& part) {
  const auto instant = [](const std::optional<Instant>& at) {
    return at ? Json(at->time_since_epoch().count()) : Json(nullptr);
  };
  return {{"name", part.task},
          {"state", ledger::name(part.state)},
          {"started_at", instant(part.started_at)},
          {"finished_at", instant(part.finished_at)},
          {"rows_written", part.rows_written},
          {"error", part.error},
          {"output", part.output}};
}

ledger::Attempt part_from_json(const Json& json) {
  const auto instant = [&](const char* key) -> std::optional<Instant> {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer()) return std::nullopt;
    return Instant{std::chrono::microseconds{found->get<std::int64_t>()}};
  };
  ledger::Attempt part;
  part.task = json.value("name", "");
  part.state = ledger::parse_attempt_state(json.value("state", "")).value_or(ledger::AttemptState::Failed);
  part.started_at = instant("started_at");
  part.finished_at = instant("finished_at");
  part.rows_written = json.value("rows_written", std::uint64_t{0});
  part.error = json.value("error", Json(nullptr));
  part.output = json.value("output", Json(nullptr));
  return part;
}

Json to_json(const LogLine& line) {
  return {{"time", line.time.time_since_epoch().count()}, {"level", name(line.level)}, {"message", line.message}};
}

LogLine log_line_from_json(const Json& json) {
  LogLine line;
  line.time = Instant{std::chrono::microseconds{json.value("time", std::int64_t{0})}};
  line.level = parse_log_level(json.value("level", std::string{})).value_or(LogLevel::Info);
  line.message = json.value("message", "");
  return line;
}

Json answer_journal(flow::Journal& journal, const Json& message) {
  const auto call = message.value("call", std::string{});
  if (call == "pending") {
    return answer(journal.pending(), [](const std::optional<flow::Intent>& intent) {
      return intent ? Json{{"commit", intent->commit.text()},
                           {"until", checkpoint_json(intent->until)},
                           {"redo", intent->redo}}
                    : Json(nullptr);
    });
  }
  if (call == "superseded") {
    return answer(journal.superseded(), [](const std::optional<flow::Receipt>& receipt) {
      return receipt ? Json{{"commit", receipt->commit.text()}, {"rows", receipt->rows}} : Json(nullptr);
    });
  }
  if (call == "checkpoint") {
    return answer(journal.checkpoint(), [](const auto& checkpoint) { return checkpoint_json(checkpoint); });
  }
  if (call == "next_commit") {
    return answer(journal.next_commit(), [](const CommitId& commit) { return Json(commit.text()); });
  }
  const CommitId commit{message.value("commit", std::string{})};
  const auto until = checkpoint_from_json(message.value("until", Json(nullptr)));
  if (call == "intend") return answer(journal.intend({commit, until}));
  if (call == "save") return answer(journal.save({commit, message.value("rows", std::uint64_t{0})}, until));
  return answer(Error::bug("unknown journal call: {}", call));
}

Result<Json> TaskLink::receive_work() {
  const auto text = WEIR_TRY(channel_.receive());
  if (!text) return Error::bug("the parent closed the channel before it sent any work");
  auto message = WEIR_TRY(parse_json(*text));
  if (message.value("type", "") != "work") return Error::bug("the first message was not work");
  return std::move(message["order"]);
}

Result<void> TaskLink::send(const Json& message) { return channel_.send(to_text(message)); }

Result<Json> TaskLink::call(const Json& message) {
  WEIR_TRY(send(message));
  const auto text = WEIR_TRY(channel_.receive());
  if (!text) return Error::system(Code::Unavailable, "the parent process is gone");
  auto reply = WEIR_TRY(parse_json(*text));
  if (const auto error = reply.find("error"); error != reply.end()) return error_from_json(*error);
  return std::move(reply["value"]);
}

Result<Json> LinkedJournal::call(std::string_view name, Json values) {
  values["type"] = "journal";
  values["stream"] = stream_;
  values["call"] = name;
  return link_.call(values);
}

Result<std::optional<flow::Intent>> LinkedJournal::pending() {
  const auto value = WEIR_TRY(call("pending", Json::object()));
  if (value.is_null()) return std::optional<flow::Intent>{};
  return std::optional{flow::Intent{CommitId{value.value("commit", std::string{})},
                                    checkpoint_from_json(value["until"]), value.value("redo", false)}};
}

Result<std::optional<flow::Receipt>> LinkedJournal::superseded() {
  const auto value = WEIR_TRY(call("superseded", Json::object()));
  if (value.is_null()) return std::optional<flow::Receipt>{};
  return std::optional{
      flow::Receipt{CommitId{value.value("commit", std::string{})}, value.value("rows", std::uint64_t{0})}};
}

Result<std::optional<flow::Checkpoint>> LinkedJournal::checkpoint() {
  return checkpoint_from_json(WEIR_TRY(call("checkpoint", Json::object())));
}

Result<CommitId> LinkedJournal::next_commit() {
  return CommitId{WEIR_TRY(call("next_commit", Json::object())).get<std::string>()};
}

Result<void> LinkedJournal::intend(const flow::Intent& intent) {
  WEIR_TRY(call("intend", {{"commit", intent.commit.text()}, {"until", checkpoint_json(intent.until)}}));
  return {};
}

Result<void> LinkedJournal::save(const flow::Receipt& receipt, const std::optional<flow::Checkpoint>& checkpoint) {
  WEIR_TRY(call("save",
                {{"commit", receipt.commit.text()}, {"rows", receipt.rows}, {"until", checkpoint_json(checkpoint)}}));
  return {};
}

}  // namespace weir::engine
