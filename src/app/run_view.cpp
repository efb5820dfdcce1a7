#include "app/run_view.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "app/terminal.hpp"
#include "base/json.hpp"

namespace weir::app {
namespace {

using engine::Plan;
using engine::Step;
using ledger::Attempt;
using ledger::AttemptState;
using ledger::Run;
using ledger::RunState;

struct Mark {
  std::string_view text;
  Style style;
};

Mark mark(AttemptState state) {
  switch (state) {
    case AttemptState::Succeeded: return {"✓", Style::Good};
    case AttemptState::Failed:
    case AttemptState::Lost: return {"✗", Style::Bad};
    case AttemptState::Cancelled: return {"■", Style::Warning};
    case AttemptState::Skipped: return {"–", Style::Faint};
    case AttemptState::Queued: return {"·", Style::Faint};
    case AttemptState::Running:
    case AttemptState::Cancelling: return {"▸", Style::Strong};
  }
  return {" ", Style::Plain};
}

std::uint64_t rows_of(const Attempt& attempt) {
  return attempt.rows_written != 0 ? attempt.rows_written : attempt.rows_read;
}

std::chrono::microseconds elapsed(const Attempt& attempt) {
  if (!attempt.started_at) return std::chrono::microseconds{0};
  return attempt.finished_at.value_or(system_clock().now()) - *attempt.started_at;
}

std::string rate(const Attempt& attempt) {
  const auto seconds = std::chrono::duration<double>(elapsed(attempt)).count();
  const auto rows = rows_of(attempt);
  if (rows == 0 || seconds <= 0) return "";
  return with_thousands(static_cast<std::uint64_t>(static_cast<double>(rows) / seconds));
}

std::string error_text(const Attempt& attempt) {
  return attempt.error.is_object() ? attempt.error.value("message", std::string{}) : std::string{};
}

class PlainView : public engine::RunObserver {
 public:
  void run_started(const Run& run, const Plan& plan) override {
    print(fmt::format("{} {} · {}\n", styled("run", Style::Faint), styled(run.id.text(), Style::Strong),
                      counted(plan.steps.size(), "step")));
  }
  void step_changed(const Step& step, const Attempt& attempt) override {
    if (attempt.state == AttemptState::Running) {
      print(fmt::format("  {} {}: {}\n", styled("▸", Style::Strong), step.name, step.summary));
      return;
    }
    print(finished_line(step.name, attempt));
  }
  void retry_scheduled(const Step& step, const Attempt&, std::chrono::milliseconds delay) override {
    print(
        fmt::format("  {} {} is tried again in {}\n", styled("↻", Style::Warning), step.name, format_duration(delay)));
  }
  void part_finished(const Step&, const Attempt& part) override { print(finished_line(part.task, part)); }
  void logged(const Step& step, const Attempt&, const engine::TaskLogLine& line) override {
    if (line.level == LogLevel::Warn)
      print(fmt::format("    {} {}: {}\n", styled("warn", Style::Warning), step.name, line.text));
  }

 protected:
  virtual void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  static std::string finished_line(std::string_view step, const Attempt& attempt) {
    const auto [text, style] = mark(attempt.state);
    auto line = fmt::format("  {} {}", styled(text, style), step);
    if (attempt.state == AttemptState::Succeeded) {
      if (rows_of(attempt) != 0) line += fmt::format("  {} rows", with_thousands(rows_of(attempt)));
      line += styled(fmt::format("  {}", format_duration(elapsed(attempt))), Style::Faint);
    } else {
      line += fmt::format("  {}", error_text(attempt));
    }
    return line + "\n";
  }
};

// Keeps the running tasks in a region at the bottom; finished ones scroll away above it.
class LiveView final : public PlainView {
 public:
  void step_changed(const Step& step, const Attempt& attempt) override {
    if (attempt.state == AttemptState::Running) {
      running_[step.name] = attempt;
      redraw();
      return;
    }
    running_.erase(step.name);
    print(finished_line(step.name, attempt));
  }
  void progressed(const Step& step, const Attempt& attempt) override {
    running_[step.name] = attempt;
    redraw();
  }
  void run_finished(const Run&) override { clear(); }

 private:
  void print(const std::string& text) override {
    clear();
    PlainView::print(text);
    redraw();
  }

  void clear() {
    std::string out;
    for (std::size_t i = 0; i < lines_; ++i) out += "\x1b[1A\x1b[2K";
    lines_ = 0;
    std::fputs(out.c_str(), stdout);
    std::fflush(stdout);
  }

  void redraw() {
    clear();
    const auto width = static_cast<std::size_t>(terminal_columns());
    std::string out;
    for (const auto& [name, attempt] : running_) {
      auto line = fmt::format("  ▸ {}", name);
      if (rows_of(attempt) != 0) line += fmt::format("  {} rows", with_thousands(rows_of(attempt)));
      if (const auto speed = rate(attempt); !speed.empty()) line += fmt::format("  {} rows/s", speed);
      line += fmt::format("  {}", format_duration(elapsed(attempt)));
      out += fitted(line, width - 1) + "\n";
      ++lines_;
    }
    std::fputs(out.c_str(), stdout);
    std::fflush(stdout);
  }

  std::map<std::string, Attempt> running_;
  std::size_t lines_ = 0;
};

class JsonView final : public engine::RunObserver {
 public:
  void run_started(const Run& run, const Plan& plan) override {
    print({{"event", "run_started"}, {"run", run.id.text()}, {"pipeline", run.pipeline}, {"steps", plan.steps.size()}});
  }
  void step_changed(const Step& step, const Attempt& attempt) override { print(event("step", step.name, attempt)); }
  void retry_scheduled(const Step& step, const Attempt& attempt, std::chrono::milliseconds delay) override {
    auto json = event("retry", step.name, attempt);
    json["delay_ms"] = delay.count();
    print(json);
  }
  void progressed(const Step& step, const Attempt& attempt) override { print(event("progress", step.name, attempt)); }
  void part_finished(const Step&, const Attempt& part) override { print(event("part", part.task, part)); }
  void logged(const Step& step, const Attempt&, const engine::TaskLogLine& line) override {
    print({{"event", "log"},
           {"step", step.name},
           {"time", line.at ? Json(format_instant(*line.at)) : Json(nullptr)},
           {"level", name(line.level)},
           {"message", line.text}});
  }
  void run_finished(const Run& run) override {
    print({{"event", "run_finished"},
           {"run", run.id.text()},
           {"state", name(run.state)},
           {"seconds",
            std::chrono::duration<double>(*run.finished_at - run.started_at.value_or(*run.finished_at)).count()},
           {"error", run.error}});
  }

 private:
  static Json event(std::string_view kind, std::string_view step, const Attempt& attempt) {
    Json json{{"event", kind},
              {"step", step},
              {"state", name(attempt.state)},
              {"attempt", attempt.number},
              {"rows_read", attempt.rows_read},
              {"rows_written", attempt.rows_written},
              {"seconds", std::chrono::duration<double>(elapsed(attempt)).count()},
              {"memory_bytes_max", attempt.memory_bytes_max}};
    if (!attempt.error.is_null()) json["error"] = attempt.error;
    if (!attempt.output.is_null()) json["output"] = attempt.output;
    return json;
  }
  static void print(const Json& json) {
    std::fputs((to_text(json) + "\n").c_str(), stdout);
    std::fflush(stdout);
  }
};

void add_failure(std::string& out, const Attempt& attempt) {
  const auto& error = attempt.error;
  out +=
      fmt::format("\n{} {}\n  {}\n", styled("✗", Style::Bad), styled(attempt.task, Style::Strong), error_text(attempt));
  const auto add = [&](std::string_view label, const std::string& text) {
    if (!text.empty()) out += fmt::format("  {} {}\n", styled(label, Style::Faint), text);
  };
  if (const auto context = error.find("context"); context != error.end()) {
    for (const auto& entry : *context) add("while:", entry.get<std::string>());
  }
  add("fault:", error.value("fault", std::string{}));
  add("hint: ", error.value("hint", std::string{}));
  if (attempt.number > 0) add("log:  ", fmt::format(".weir/{}", attempt.log_path));
}

bool is_test(const Step& step) { return !step.node.empty() && step.writes.empty(); }

std::string output_of(const Step& step) {
  std::string text;
  for (const auto& written : step.writes) text += (text.empty() ? "" : ", ") + written;
  return text;
}

void add_row(TextTable& table, const Attempt& attempt, const std::string& output) {
  const auto [text, style] = mark(attempt.state);
  const auto rows = rows_of(attempt);
  table.add({{std::string{text}, style},
             {attempt.task},
             {rows == 0 ? "" : with_thousands(rows)},
             {attempt.number == 0 ? "" : format_duration(elapsed(attempt))},
             {rate(attempt), Style::Faint},
             {output, Style::Faint}});
}

// Parts of a step (nodes of dbt) are attempts that the plan does not know.
bool is_step(const Plan& plan, std::string_view name) {
  return std::ranges::any_of(plan.steps, [&](const Step& step) { return step.name == name; });
}

bool is_passed_test(const Attempt& part) {
  return part.state == AttemptState::Succeeded && part.output.is_object() && part.output.value("test", false);
}

std::string part_output(const Attempt& part) {
  return part.output.is_object() ? part.output.value("relation", std::string{}) : std::string{};
}

}  // namespace

std::unique_ptr<engine::RunObserver> make_run_view(ViewKind kind) {
  switch (kind) {
    case ViewKind::Live: return std::make_unique<LiveView>();
    case ViewKind::Plain: return std::make_unique<PlainView>();
    case ViewKind::Json: return std::make_unique<JsonView>();
  }
  return nullptr;
}

std::string run_summary(const Run& run, const Plan& plan, const std::vector<Attempt>& attempts,
                        const std::vector<ledger::CheckResult>& checks) {
  std::map<std::string, const Attempt*> last;
  for (const auto& attempt : attempts) last[attempt.task] = &attempt;

  TextTable table{{{"", TextTable::Align::Left},
                   {"step", TextTable::Align::Left},
                   {"rows", TextTable::Align::Right},
                   {"time", TextTable::Align::Right},
                   {"rows/s", TextTable::Align::Right},
                   {"output", TextTable::Align::Left}}};
  for (const auto& step : plan.steps) {
    const auto found = last.find(step.name);
    if (found == last.end()) continue;
    const auto& attempt = *found->second;
    // A test that passed is one of the checks counted below; it has no rows or output to show.
    if (is_test(step) && attempt.state == AttemptState::Succeeded) continue;
    add_row(table, attempt, output_of(step));
    for (const auto& [name, part] : last) {
      if (name.starts_with(step.name + "/") && !is_step(plan, name) && !is_passed_test(*part))
        add_row(table, *part, part_output(*part));
    }
  }
  auto out = "\n" + table.text(2);

  std::size_t warnings = 0;
  for (const auto& check : checks) {
    if (!check.passed && check.severity == "warn") ++warnings;
  }
  const auto style = run.state == RunState::Succeeded ? Style::Good
                     : run.state == RunState::Failed  ? Style::Bad
                                                      : Style::Warning;
  const auto duration = run.started_at && run.finished_at ? format_duration(*run.finished_at - *run.started_at) : "";
  out += fmt::format("\n  {} {} in {} · {}", styled(run.id.text(), Style::Strong), styled(name(run.state), style),
                     duration, counted(checks.size(), "check"));
  if (warnings != 0) out += styled(" · " + counted(warnings, "warning"), Style::Warning);
  out += "\n";
  for (const auto& step : plan.steps) {
    const auto found = last.find(step.name);
    if (found != last.end() && found->second->state == AttemptState::Failed) add_failure(out, *found->second);
  }
  return out;
}

}  // namespace weir::app
