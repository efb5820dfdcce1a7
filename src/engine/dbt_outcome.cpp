#include "engine/dbt_outcome.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "dbt/program.hpp"
#include "engine/error_json.hpp"

namespace weir::engine {
namespace {

using dbt::NodeResult;
using dbt::NodeState;

// dbt's messages have several lines and are indented: on one line they can be read in a table.
std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char letter : text) {
    const bool blank = letter == ' ' || letter == '\n' || letter == '\r' || letter == '\t';
    if (!blank) {
      line += letter;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// The server could not be reached, or broke off: another attempt may help.
bool is_unavailable(std::string_view text) {
  return contains_any(text, {"Connection refused", "could not connect", "Could not connect",
                             "Failed to establish a new connection", "Max retries exceeded", "connection to server",
                             "server closed the connection", "Connection reset", "Connection aborted", "timed out"});
}

ledger::AttemptState attempt_state(NodeState state) {
  switch (state) {
    case NodeState::Succeeded:
    case NodeState::Warned: return ledger::AttemptState::Succeeded;
    case NodeState::Skipped: return ledger::AttemptState::Skipped;
    case NodeState::Failed: break;
  }
  return ledger::AttemptState::Failed;
}

std::string_view word(NodeState state) {
  switch (state) {
    case NodeState::Succeeded: return "succeeded";
    case NodeState::Warned: return "warned";
    case NodeState::Skipped: return "skipped";
    case NodeState::Failed: break;
  }
  return "failed";
}

// Tables whose rows stay: a view's are counted by whoever reads it.
bool holds_rows(const NodeResult& node) {
  constexpr std::array<std::string_view, 3> kOf{"table", "incremental", "materialized_view"};
  const bool is_table =
      node.kind == "seed" || node.kind == "snapshot" || std::ranges::find(kOf, node.materialized) != kOf.end();
  return is_table && !node.relation.empty() && node.state == NodeState::Succeeded;
}

std::size_t count(const std::vector<NodeResult>& nodes, NodeState state) {
  return static_cast<std::size_t>(std::ranges::count(nodes, state, &NodeResult::state));
}

}  // namespace

void DbtComplaints::add(const LogLine& line) {
  constexpr std::size_t kErrorsMax = 20;
  constexpr std::size_t kLastMax = 5;
  if (line.level == LogLevel::Error && errors_.size() < kErrorsMax) errors_.push_back(on_one_line(line.message));
  last_.push_back(on_one_line(line.message));
  if (last_.size() > kLastMax) last_.pop_front();
}

std::string DbtComplaints::text() const {
  if (!errors_.empty()) return fmt::format("{}", fmt::join(errors_, "; "));
  return fmt::format("{}", fmt::join(last_, "; "));
}

Result<void> DbtOutcome::report(std::vector<NodeResult> nodes) {
  count_rows(nodes);
  std::set<std::string> taken;
  for (const auto& node : nodes) {
    auto name = node.name;
    // A test may be called like a model.
    if (!taken.insert(name).second) name = fmt::format("{}:{}", node.kind, node.name);
    WEIR_TRY(report_node(node, name));
    if (node.is_test() && node.state != NodeState::Skipped) WEIR_TRY(report_check(node));
    if (node.rows) context_.progress().rows_written += *node.rows;
  }
  return {};
}

// A count that fails is no failure of the run: dbt has done its work.
void DbtOutcome::count_rows(std::vector<NodeResult>& nodes) {
  const auto needs = [](const NodeResult& node) { return !node.rows && holds_rows(node); };
  if (std::ranges::none_of(nodes, needs)) return;
  const auto database = context_.open_database(context_.order().settings.text("connection"));
  if (!database.ok()) return;
  for (auto& node : nodes) {
    if (!needs(node)) continue;
    const auto batches = flow::select_all(**database, "select count(*) as n from " + node.relation, context_.stop());
    if (!batches.ok() || batches->size() != 1 || (*batches)[0].rows() != 1) continue;
    node.rows = (*batches)[0].column(0).values<std::uint64_t>()[0];
  }
}

Result<void> DbtOutcome::report_node(const NodeResult& node, const std::string& name) {
  ledger::Attempt part;
  part.task = name;
  part.state = attempt_state(node.state);
  part.finished_at = node.finished_at.value_or(system_clock().now());
  // dbt's two phases leave out what lies between them; its execution time is the whole.
  part.started_at = *part.finished_at - std::chrono::microseconds{static_cast<std::int64_t>(node.seconds * 1e6)};
  part.rows_written = node.rows.value_or(0);
  if (node.state == NodeState::Failed) part.error = to_json(node_error(node));
  if (node.state == NodeState::Skipped) {
    const auto reason =
        node.message.empty() ? std::string{"skipped by dbt, because what it needs failed"} : on_one_line(node.message);
    part.error = to_json(Error::user(Code::Conflict, "{}", redactor_.redact(reason)));
  }
  part.output = {{"node", node.id},
                 {"kind", node.kind},
                 {"state", word(node.state)},
                 {"status", node.status},
                 {"seconds", node.seconds},
                 {"message", redactor_.redact(on_one_line(node.message))},
                 {"path", node.path.empty() ? "" : fmt::format("{}/{}", about_.project, node.path)},
                 {"relation", node.relation},
                 {"materialized", node.materialized},
                 {"depends_on", node.depends_on},
                 {"compiled", compiled_path(node)},
                 {"test", node.is_test()}};
  return context_.report_part(part);
}

Result<void> DbtOutcome::report_check(const NodeResult& node) {
  ledger::CheckResult check;
  check.check = node.name;
  check.severity = node.severity;
  check.passed = node.state == NodeState::Succeeded;
  check.rows_failed = node.failures;
  if (!check.passed) check.detail = redactor_.redact(on_one_line(node.message));
  return context_.report(check);
}

std::string DbtOutcome::compiled_path(const NodeResult& node) const {
  if (node.compiled.empty()) return {};
  return (about_.target / node.compiled).lexically_relative(context_.order().project_folder).generic_string();
}

Error DbtOutcome::node_error(const NodeResult& node) const {
  const auto message = redactor_.redact(on_one_line(node.message));
  const auto compiled = compiled_path(node);
  const auto text =
      fmt::format("{} {} failed: {}", node.kind == "source" ? "freshness of source" : node.kind, node.name, message);
  const Place place{node.path.empty() ? about_.project : fmt::format("{}/{}", about_.project, node.path), 0, 0};
  if (node.is_test() && node.failures != 0) {
    return Error::user(Code::CheckFailed, "{}", text)
        .hint(compiled.empty() ? "look at the rows that the test names"
                               : fmt::format("these rows: the query in {}", compiled))
        .at(place);
  }
  if (node.kind == "source")
    return Error::user(Code::CheckFailed, "{}", text).hint("find out what should have filled the table").at(place);
  if (is_unavailable(message)) return Error::external(Code::Unavailable, "{}", text).at(place);
  return Error::user(Code::InvalidQuery, "{}", text)
      .hint(compiled.empty() ? "mend the file and run the task again" : fmt::format("its SQL as it ran: {}", compiled))
      .at(place);
}

Result<Json> DbtOutcome::judge(const services::ExitStatus& status, const std::vector<NodeResult>& nodes,
                               const DbtComplaints& complaints) const {
  const auto failed = count(nodes, NodeState::Failed);
  const auto skipped = count(nodes, NodeState::Skipped);
  if (!status.ok()) {
    const auto first = std::ranges::find(nodes, NodeState::Failed, &NodeResult::state);
    if (first == nodes.end()) return failure(status, complaints);
    auto error = node_error(*first);
    if (failed > 1)
      error = std::move(error).while_doing(fmt::format("and {} more of {} nodes failed", failed - 1, nodes.size()));
    return std::move(error).while_doing(fmt::format("dbt {} of {}", about_.command, about_.project));
  }
  return Json{{"command", about_.command},
              {"project", about_.project},
              {"nodes", nodes.size()},
              {"succeeded", count(nodes, NodeState::Succeeded)},
              {"warned", count(nodes, NodeState::Warned)},
              {"skipped", skipped},
              {"artifacts", about_.target.lexically_relative(context_.order().project_folder).generic_string()}};
}

// dbt failed without getting to its nodes, or died.
Error DbtOutcome::failure(const services::ExitStatus& status, const DbtComplaints& complaints) const {
  const auto text = complaints.text();
  if (status.signal != 0) {
    return Error::external(Code::Unavailable, "dbt was {}: {}", status.text(), text)
        .hint("its output is in the task's log: weir logs");
  }
  const auto message = fmt::format("dbt {} of {} failed: {}", about_.command, about_.project, text);
  if (text.find("Could not find adapter type") != std::string::npos ||
      text.find("No module named") != std::string::npos) {
    return Error::user(Code::NotFound, "{}", message).hint(dbt::install_command(about_.adapter));
  }
  if (text.find("No such option") != std::string::npos) {
    return Error::user(Code::Unsupported, "{}", message)
        .hint(fmt::format("this dbt is of another version: {}", dbt::install_command(about_.adapter)));
  }
  if (text.find("Run \"dbt deps\"") != std::string::npos || text.find("dbt deps") != std::string::npos) {
    return Error::user(Code::NotFound, "{}", message)
        .hint("install the project's packages first: a task dbt: {command: deps}");
  }
  if (contains_any(text, {"Compilation Error", "Parsing Error", "Runtime Error", "does not match any"}) &&
      !is_unavailable(text)) {
    return Error::user(Code::InvalidProject, "{}", message).hint("mend the dbt project's file that dbt names");
  }
  if (is_unavailable(text)) return Error::external(Code::Unavailable, "{}", message);
  return Error::user(Code::CheckFailed, "{}", message).hint("its output is in the task's log: weir logs");
}

}  // namespace weir::engine
