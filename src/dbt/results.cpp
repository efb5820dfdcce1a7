#include "dbt/results.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/file.hpp"
#include "base/json.hpp"

namespace weir::dbt {
namespace {

namespace fs = std::filesystem;

// Null when the file is not there.
Result<Json> read_artifact(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Json{};
  auto parsed = parse_json(WEIR_TRY(read_file(path)));
  if (!parsed.ok() || !parsed->is_object()) {
    return Error::external(Code::InvalidData, "dbt's {} cannot be read: it is not JSON", path.filename().string())
        .retry(Retry::Never);
  }
  return parsed;
}

const Json& member(const Json& object, const char* key) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

std::string text(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

double number(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

std::uint64_t count(const Json& object, const char* key) {
  const auto& value = member(object, key);
  if (value.is_number_unsigned() || value.is_number_integer())
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value.get<std::int64_t>(), 0));
  return 0;
}

NodeState state_of(std::string_view status) {
  if (status == "success" || status == "pass" || status == "no-op") return NodeState::Succeeded;
  if (status == "warn" || status == "partial success") return NodeState::Warned;
  return status == "skipped" ? NodeState::Skipped : NodeState::Failed;
}

// What the manifest knows of the nodes, by their ids.
class Manifest {
 public:
  explicit Manifest(const Json& json) : json_(json) {}

  const Json& find(const std::string& id) const {
    for (const auto* part : {"nodes", "sources", "unit_tests", "exposures"}) {
      const auto& found = member(member(json_, part), id.c_str());
      if (!found.is_null()) return found;
    }
    return member(json_, "");
  }

  // As people know it: a source by source.table.
  std::string name_of(const std::string& id) const {
    const auto& node = find(id);
    if (text(node, "resource_type") == "source") return text(node, "source_name") + "." + text(node, "name");
    const auto name = text(node, "name");
    return name.empty() ? id.substr(id.rfind('.') + 1) : name;
  }

  void describe(NodeResult& node) const {
    const auto& known = find(node.id);
    node.name = name_of(node.id);
    node.kind = text(known, "resource_type");
    if (node.kind.empty()) node.kind = node.id.substr(0, node.id.find('.'));
    node.path = text(known, "original_file_path");
    if (node.kind == "model" || node.kind == "seed" || node.kind == "snapshot")
      node.relation = text(known, "relation_name");
    const auto& config = member(known, "config");
    node.materialized = text(config, "materialized");
    auto severity = text(config, "severity");
    std::ranges::transform(severity, severity.begin(), [](unsigned char c) { return std::tolower(c); });
    if (severity == "warn") node.severity = severity;
    for (const auto& parent : member(member(known, "depends_on"), "nodes")) {
      if (parent.is_string()) node.depends_on.push_back(name_of(parent.get<std::string>()));
    }
  }

 private:
  const Json& json_;
};

// Adapters say "SELECT 12" in `_message` and, most of them, 12 in `rows_affected`; -1 is unknown.
void read_rows(const Json& result, NodeResult& node) {
  const auto& rows = member(member(result, "adapter_response"), "rows_affected");
  if (rows.is_number_integer() && rows.get<std::int64_t>() >= 0 && !node.is_test())
    node.rows = rows.get<std::uint64_t>();
}

void read_times(const Json& result, NodeResult& node) {
  node.seconds = number(result, "execution_time");
  for (const auto& phase : member(result, "timing")) {
    const auto started = parse_instant(text(phase, "started_at"));
    const auto finished = parse_instant(text(phase, "completed_at"));
    if (started && (!node.started_at || *started < *node.started_at)) node.started_at = started;
    if (finished && (!node.finished_at || *finished > *node.finished_at)) node.finished_at = finished;
  }
}

// "dbt compiled SQL at target/compiled/…": run_results has the path relative to the folder where dbt ran.
std::string compiled_file(const fs::path& target, const Json& node, std::string_view kind) {
  if (kind == "source") return {};
  const auto path = text(node, "compiled_path");
  const auto at = path.find("compiled/");
  if (at == std::string::npos) return {};
  std::error_code error;
  const auto inside = path.substr(at);
  return fs::exists(target / inside, error) ? inside : std::string{};
}

std::string freshness_message(const Json& result) {
  auto error = text(result, "error");
  if (!error.empty()) return error;
  const auto newest = text(result, "max_loaded_at");
  const auto age = number(result, "max_loaded_at_time_ago_in_s");
  return fmt::format("the newest row is of {}, {} old", newest,
                     format_duration(std::chrono::microseconds{static_cast<std::int64_t>(age * 1e6)}));
}

NodeResult read_result(const Json& result, const Manifest& manifest, const fs::path& target) {
  NodeResult node;
  node.id = text(result, "unique_id");
  node.status = text(result, "status");
  node.state = state_of(node.status);
  manifest.describe(node);
  node.message = node.kind == "source" ? freshness_message(result) : text(result, "message");
  node.failures = count(result, "failures");
  read_rows(result, node);
  read_times(result, node);
  node.compiled = compiled_file(target, manifest.find(node.id), node.kind);
  return node;
}

}  // namespace

Result<std::vector<NodeResult>> read_results(const fs::path& target) {
  std::vector<NodeResult> nodes;
  const auto manifest_json = WEIR_TRY(read_artifact(target / "manifest.json"));
  const Manifest manifest{manifest_json};
  for (const auto* file : {"run_results.json", "sources.json"}) {
    const auto artifact = WEIR_TRY(read_artifact(target / file));
    for (const auto& result : member(artifact, "results")) nodes.push_back(read_result(result, manifest, target));
  }
  return nodes;
}

}  // namespace weir::dbt
