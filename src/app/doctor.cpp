#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/connectors.hpp"
#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "engine/replication_watch.hpp"
#include "engine/vocabulary.hpp"
#include "services/service.hpp"

// doctor: what Weir needs on this machine and in this project, each with what to do when it is not there.
namespace weir::app {
namespace {

struct Finding {
  std::string subject;
  bool good = false;
  std::string detail;
  std::string hint;
};

Finding from(std::string subject, const Result<std::string>& result) {
  if (result.ok()) return {std::move(subject), true, *result, {}};
  return {std::move(subject), false, result.error().text(), result.error().hint()};
}

Finding disk_space(const std::filesystem::path& folder) {
  constexpr std::uintmax_t kEnough = std::uintmax_t{2} << 30;
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error) return {"disk", false, error.message(), "check that the project's folder can be read"};
  return {"disk", space.available >= kEnough,
          fmt::format("{} GB free below {}", space.available >> 30, folder.string()),
          "free some space: the managed databases and the files of runs lie there"};
}

Result<std::string> project_state(const std::filesystem::path& folder) {
  const auto loaded = project::load(folder, engine::vocabulary(connectors()), {});
  if (!loaded.project) {
    return Error::user(Code::InvalidProject, "{} mistakes", loaded.mistakes.errors.size())
        .hint("weir check names them");
  }
  return fmt::format("{} at {}", loaded.project->name, folder.string());
}

Result<std::string> ledger_state(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / ".weir" / "ledger.sqlite3")) return std::string{"none yet: nothing has run"};
  const auto ledger = WEIR_TRY(ledger::Ledger::open(folder / ".weir", ledger::Ledger::Mode::Read));
  const auto runs = WEIR_TRY(ledger->runs({.pipeline = {}, .state = {}, .limit = 1}));
  return runs.empty() ? std::string{"no runs"}
                      : fmt::format("last run {} {}", runs.front().id.text(), name(runs.front().state));
}

// Starting a service tells whether everything that it needs is here.
std::vector<Finding> service_states(Workspace& workspace) {
  std::vector<Finding> findings;
  for (const auto& status : workspace.supervisor().status()) {
    const auto started = [&]() -> Result<std::string> {
      const auto address = WEIR_TRY(workspace.supervisor().ensure(status.name, {}));
      return fmt::format("answers on {}:{}", address.host, address.port);
    }();
    findings.push_back(from("service " + status.name, started));
  }
  return findings;
}

// What the sources of replications have to keep for their targets.
std::vector<Finding> replication_states(Workspace& workspace) {
  std::vector<Finding> findings;
  for (const auto& source : engine::look_at_sources(*workspace.version(), connectors(), workspace.supervisor(), {})) {
    const auto subject = "replication from " + source.connection;
    if (!source.logs.ok()) {
      findings.push_back({subject, false, source.logs.error().text(), source.logs.error().hint()});
      continue;
    }
    for (const auto& [replication, warning] : source.warnings) {
      findings.push_back({subject, false, warning,
                          "run its task, or end the replication: docs/replication.md says how a slot is dropped"});
    }
    for (const auto& log : *source.logs) {
      if (source.warnings.contains(log.replication)) continue;
      findings.push_back(
          {subject,
           true,
           fmt::format("{}: {:.1f} MB behind, {:.1f} MB of the log are kept{}", log.replication,
                       static_cast<double>(log.lag_bytes) / 1e6, static_cast<double>(log.retained_bytes) / 1e6,
                       log.is_read ? "" : "; its target is not connected"),
           {}});
    }
  }
  return findings;
}

std::vector<Finding> look() {
  std::vector<Finding> findings;
  const auto folder = Workspace::find_folder();
  if (!folder.ok()) {
    findings.push_back({"project", false, folder.error().message(), folder.error().hint()});
  } else {
    findings.push_back(from("project", project_state(*folder)));
    findings.push_back(from("ledger", ledger_state(*folder)));
    findings.push_back(disk_space(*folder));
    if (findings.front().good) {
      if (const auto workspace = Workspace::open({})) {
        for (auto& finding : service_states(*workspace)) findings.push_back(std::move(finding));
        for (auto& finding : replication_states(*workspace)) findings.push_back(std::move(finding));
      }
    }
  }
  return findings;
}

void print(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) {
    std::printf("  %s %s: %s\n", styled(finding.good ? "✓" : "✗", finding.good ? Style::Good : Style::Bad).c_str(),
                styled(finding.subject, Style::Strong).c_str(), finding.detail.c_str());
    if (!finding.good && !finding.hint.empty()) std::printf("      hint: %s\n", finding.hint.c_str());
  }
}

Json to_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const auto& finding : findings) {
    list.push_back({{"subject", finding.subject},
                    {"good", finding.good},
                    {"detail", finding.detail},
                    {"hint", finding.good ? "" : finding.hint}});
  }
  return list;
}

int doctor(bool json) {
  const auto findings = look();
  if (json) {
    std::printf("%s\n", to_text(to_json(findings)).c_str());
  } else {
    print(findings);
  }
  return std::ranges::all_of(findings, &Finding::good) ? kSuccess : kUnavailable;
}

}  // namespace

void add_doctor(CLI::App& app, Outcome& outcome) {
  auto* verb = app.add_subcommand("doctor", "Looks for what Weir needs on this machine and in this project");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "For machines");
  verb->footer("Example:\n  weir doctor");
  verb->callback([json, &outcome] { outcome.exit_code = doctor(*json); });
}

}  // namespace weir::app
