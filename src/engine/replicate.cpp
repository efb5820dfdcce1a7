#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <mutex>

#include "base/file.hpp"
#include "engine/kinds.hpp"
#include "engine/replica_proof.hpp"
#include "engine/replicate.hpp"
#include "sql/template.hpp"

// `replicate`: one database keeps tables equal to another's by itself. Weir sets it up, waits until it has caught up,
// watches it meanwhile, and proves the copy.
namespace weir::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLogInterval{5'000};
// PostgreSQL has no statement that waits for a logical subscription to reach a position (WAIT FOR LSN of version 19 knows
// only physical standbys), and LISTEN tells nothing of it: what is left is to look, at growing intervals.
constexpr milliseconds kLookIntervalMin{20};
constexpr milliseconds kLookIntervalMax{500};
constexpr int kPasswordLength = 32;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_';
  });
}

// A password of Weir's own making, kept beside the project's state: the same in every run, so that a run that is cut off
// between two systems leaves both with a password that the next run knows.
Result<Secret> keep_password(const std::filesystem::path& project_folder, const std::string& name) {
  const auto folder = project_folder / ".weir" / "replication";
  const auto path = folder / (name + ".password");
  auto kept = read_file(path);
  if (kept.ok() && !kept->empty()) return Secret{std::move(kept).value()};
  if (!kept.ok() && kept.error().code() != Code::NotFound) return std::move(kept).error();
  WEIR_TRY(make_folder(folder));
  auto password = generate_secret(kPasswordLength);
  WEIR_TRY(write_file(path, password.reveal(), FileAccess::OwnerOnly));
  return password;
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

std::string progress_text(const flow::ReplicationStatus& status) {
  auto text = fmt::format("{} behind", megabytes(status.lag_bytes));
  if (status.lag_seconds) text += fmt::format(" ({:.1f} s)", *status.lag_seconds);
  text += fmt::format(", the source keeps {} of its log, {} of {} tables are copied", megabytes(status.retained_bytes),
                      status.tables_copied, status.tables);
  if (status.rows_copied > 0) text += fmt::format(" ({} rows of the others)", status.rows_copied);
  return text;
}

class Replicating {
 public:
  Replicating(TaskContext& context, flow::Replication& replication, ReplicateLimits limits)
      : context_(context), replication_(replication), limits_(limits) {}

  Result<flow::Replica> establish(const flow::ReplicationRequest& request) {
    const auto changed = [this](std::string what) {
      context_.log().info("{}", what);
      changes_.push_back(std::move(what));
    };
    auto replica = WEIR_TRY(replication_.establish(request, changed, context_.stop()));
    for (const auto& warning : replica.warnings) context_.log().warn("{}", warning);
    return replica;
  }

  const std::vector<std::string>& changes() const { return changes_; }

  // Returns when everything that is committed on the source by now has arrived.
  Result<flow::ReplicationStatus> catch_up() {
    const auto until = WEIR_TRY(replication_.position(context_.stop()));
    const auto began = steady_clock::now();
    auto moved_at = began;
    auto logged_at = began;
    auto pause = kLookIntervalMin;
    std::string progress;
    std::optional<std::uint64_t> missing_at_start;
    for (;;) {
      auto looked = replication_.status(until, context_.stop());
      const auto now = steady_clock::now();
      // A server that is being restarted is waited for as one that does not move.
      if (!looked.ok() && looked.error().code() != Code::Unavailable) return looked;
      if (looked.ok()) {
        const auto& status = *looked;
        if (!missing_at_start) missing_at_start = status.missing_bytes;
        context_.progress().bytes_read = *missing_at_start - std::min(status.missing_bytes, *missing_at_start);
        warn_of_retained(status);
        if (status.caught_up) return looked;
        if (status.failure) return *status.failure;
        if (status.progress != progress) moved_at = now;
        progress = status.progress;
        if (now - logged_at >= kLogInterval) {
          logged_at = now;
          context_.log().info("{}; waiting for {}", progress_text(status), status.waits_for);
        }
      }
      if (limits_.wait && now - began > *limits_.wait) return too_late(looked, "not caught up within", *limits_.wait);
      if (now - moved_at > limits_.stall) return too_late(looked, "nothing has moved for", limits_.stall);
      if (!sleep(pause)) return Error::cancelled();
      pause = std::min(pause * 2, kLookIntervalMax);
    }
  }

 private:
  // False when a stop was requested.
  bool sleep(milliseconds duration) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, context_.stop(), duration, [] { return false; });
    return !context_.stop().stop_requested();
  }

  static Error too_late(const Result<flow::ReplicationStatus>& looked, std::string_view what, milliseconds duration) {
    if (!looked.ok()) return looked.error();
    return Error::external(Code::TimedOut, "{} {}: {}; waiting for {}", what, format_duration(duration),
                           progress_text(*looked), looked->waits_for)
        .hint("the task goes on from there when it is run again; see the logs of both servers");
  }

  void warn_of_retained(const flow::ReplicationStatus& status) {
    const auto warn_once = [this](const std::optional<std::string>& warning, bool& warned) {
      if (warning && !std::exchange(warned, true)) context_.log().warn("{}", *warning);
    };
    warn_once(warning_of_retained(status.retained_bytes, limits_.retained_bytes), warned_of_log_);
    warn_once(warning_of_disk(status.free_bytes, limits_.retained_bytes), warned_of_disk_);
  }

  TaskContext& context_;
  flow::Replication& replication_;
  ReplicateLimits limits_;
  std::vector<std::string> changes_;
  bool warned_of_log_ = false;
  bool warned_of_disk_ = false;
};

Json output_of(const flow::ReplicationRequest& request, const flow::Replica& replica,
               const flow::ReplicationStatus& status) {
  Json tables = Json::array();
  for (const auto& table : replica.tables) tables.push_back(table.target.text());
  Json output{{"name", request.name},
              {"tables", std::move(tables)},
              {"lag_bytes", status.lag_bytes},
              {"lag_seconds", status.lag_seconds ? Json(*status.lag_seconds) : Json(nullptr)},
              {"retained_bytes", status.retained_bytes}};
  if (status.free_bytes) output["free_bytes"] = *status.free_bytes;
  return output;
}

Result<Json> run_replicate(TaskContext& context) {
  const auto& settings = context.order().settings;
  WEIR_TRY(validate_replicate(settings));
  const auto from = settings.text("from");
  const auto to = settings.text("to");
  flow::ReplicationRequest request;
  request.name = replication_name(settings);
  request.tables = settings.texts("tables");
  request.address = settings.text("address");
  request.space = settings.text("into");
  request.on_slot_lost = settings.text("on_slot_lost") == "recopy" ? flow::OnSlotLost::Recopy : flow::OnSlotLost::Fail;
  request.password = WEIR_TRY(keep_password(context.order().project_folder, request.name));

  const auto replication = WEIR_TRY(context.open_replication(from, to));
  const auto limits = WEIR_TRY(replicate_limits(settings));
  Replicating replicating{context, *replication, limits};
  const auto doing = fmt::format("replicating {} to {}", from, to);
  const auto replica = WEIR_TRY(replicating.establish(request).while_doing(doing));
  const auto began = steady_clock::now();
  const auto catch_up = [&] { return replicating.catch_up().while_doing(doing); };
  auto status = WEIR_TRY(catch_up());
  const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
  context.log().info("{} has caught up with {} after {}: {}", to, from, format_duration(took), progress_text(status));
  auto output = output_of(request, replica, status);
  output["changes"] = replicating.changes();
  output["caught_up_after_ms"] = took.count();
  if (settings.flag("prove")) {
    const auto source = WEIR_TRY(context.open_database(from));
    const auto target = WEIR_TRY(context.open_database(to));
    output["rows"] = WEIR_TRY(prove_replica(context, {from, *source}, {to, *target}, replica, [&]() -> Result<void> {
      WEIR_TRY(catch_up());
      return {};
    }));
  }
  return output;
}

}  // namespace

std::optional<std::string> warning_of_retained(std::uint64_t retained_bytes, std::uint64_t limit) {
  if (retained_bytes <= limit) return std::nullopt;
  return fmt::format(
      "the source must keep {} of its log for this replication, more than wal_limit ({}): it grows until "
      "the target has caught up",
      megabytes(retained_bytes), megabytes(limit));
}

std::optional<std::string> warning_of_disk(std::optional<std::uint64_t> free_bytes, std::uint64_t limit) {
  if (!free_bytes || *free_bytes >= limit) return std::nullopt;
  return fmt::format(
      "the source's disk has {} left, less than its log may grow by (wal_limit: {}): a full disk stops it",
      megabytes(*free_bytes), megabytes(limit));
}

std::string replication_name(const Settings& settings) {
  if (settings.has("name")) return settings.text("name");
  auto name = fmt::format("weir_{}_{}", settings.text("from"), settings.text("to"));
  for (auto& letter : name) {
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    if (!is_name(std::string_view{&letter, 1})) letter = '_';
  }
  return name.substr(0, 63);
}

Result<ReplicateLimits> replicate_limits(const Settings& settings) {
  ReplicateLimits limits;
  limits.retained_bytes = settings.bytes("wal_limit");
  limits.stall = settings.duration("stalled_after");
  const auto until = settings.text("until");
  if (until == "caught-up") return limits;
  limits.wait = parse_duration(until);
  if (limits.wait) return limits;
  return Error::user(Code::InvalidProject, "until is neither caught-up nor a duration: {}", until)
      .hint("until: caught-up, or until: 10m to wait no longer than that");
}

Result<void> validate_replicate(const Settings& settings) {
  if (settings.text("from") == settings.text("to")) {
    return Error::user(Code::InvalidProject, "a replication has two ends: {}", settings.text("from"))
        .hint("from and to name two connections");
  }
  const auto name = replication_name(settings);
  if (!is_name(name)) {
    return Error::user(Code::InvalidProject, "not a name for a replication: {}", name)
        .hint("at most 63 lower-case letters, digits and _: PostgreSQL allows no others for a slot");
  }
  WEIR_TRY(replicate_limits(settings));
  return {};
}

void check_replicate(const TaskPlace& place, TaskFindings& findings) {
  const auto& settings = place.task.settings;
  // What a template decides is checked when the task starts.
  if (sql::has_template(to_text(settings.values()))) return;
  auto checked = validate_replicate(settings);
  if (!checked.ok()) findings.mistakes.push_back(std::move(checked).error().at(place.place_of("")));
}

TaskKind replicate_kind() {
  const Setting text{.name = "item", .type = SettingType::Text};
  return {
      .name = "replicate",
      .summary =
          "Keeps tables equal to another database's by that database's own replication, waits for it and proves it",
      .settings =
          {{.name = "from", .doc = "The connection whose tables are replicated", .need = Need::Required},
           {.name = "to",
            .doc = "The connection that gets them: PostgreSQL, or ClickHouse, which reads them where they are",
            .need = Need::Required},
           {.name = "tables",
            .type = SettingType::List,
            .doc = "Tables, with patterns such as launches_* and crm.*; all of the connection's schema without it",
            .fields = {text},
            .shorthand = Setting::Shorthand::Allowed},
           {.name = "name", .doc = "Of publication, slot, subscription and role; weir_FROM_TO without it"},
           {.name = "until",
            .doc = "caught-up, or a duration after which the task fails if it has not caught up",
            .default_value = "caught-up"},
           {.name = "stalled_after",
            .type = SettingType::Duration,
            .doc = "How long nothing may move before the task fails",
            .default_value = "2m"},
           {.name = "prove",
            .type = SettingType::Flag,
            .doc = "Reconciles every table afterwards; a difference fails the task",
            .default_value = true},
           {.name = "on_slot_lost",
            .type = SettingType::Choice,
            .doc = "When the publisher no longer has the changes: fail, or recopy (empties the tables and copies them "
                   "again)",
            .default_value = "fail",
            .choices = {"fail", "recopy"}},
           {.name = "wal_limit",
            .type = SettingType::Bytes,
            .doc = "Warns when the publisher must keep more WAL than this, or its disk has less room than this",
            .default_value = std::string{kWalLimit}},
           {.name = "into",
            .doc = "ClickHouse: the database for the tables; the name of the connection `from` without it"},
           {.name = "address",
            .doc = "host:port at which the target's server reaches the source, when that is not the connection's own"}},
      .reads = {},
      .writes = {},
      .connections = {"from", "to"},
      .check = check_replicate,
      .run = run_replicate};
}

}  // namespace weir::engine
