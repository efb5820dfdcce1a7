#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/ledger.hpp"

namespace weir::ledger {

struct Store;

// Up to which fire one schedule of a pipeline has been dealt with.
struct ScheduleMark {
  std::string pipeline;
  std::string schedule;  // its text: a schedule that is rewritten is another one
  Instant until;
};

struct Pause {
  std::string pipeline;
  std::string by;
  Instant paused_at;
};

// A table was written, or a pipeline's run succeeded.
struct Event {
  std::int64_t sequence = 0;  // given by the ledger, rising
  std::string source;         // "warehouse.sales" or a pipeline's name
  std::string pipeline;
  RunId run;
  std::string task;  // "" when the source is a pipeline
  Instant at;
  std::uint64_t rows = 0;
  std::optional<Instant> interval_from;
  std::optional<Instant> interval_to;
};

// A task wrote a table.
struct TableWrite {
  Instant at;
  std::string table;  // "warehouse.sales"
  std::string pipeline;
  std::string task;
  RunId run;
  int attempt = 1;
  std::uint64_t rows = 0;  // that it wrote, not how many the table has
};

enum class BackfillMode { Missing, Failed, All };
enum class BackfillState { Running, Paused, Done, Cancelled };
std::string_view name(BackfillMode mode);
std::string_view name(BackfillState state);
std::optional<BackfillMode> parse_backfill_mode(std::string_view text);
std::optional<BackfillState> parse_backfill_state(std::string_view text);

struct BackfillInterval {
  Instant from;
  Instant to;
  std::string run = {};                // the one that this backfill has made; "" while there is none
  std::optional<RunState> state = {};  // of that run
};

// The runs of a pipeline over a range of its intervals.
struct Backfill {
  std::string id;
  std::string pipeline;
  Instant from;
  Instant to;
  BackfillMode mode = BackfillMode::Missing;
  int parallel = 1;
  Json params = Json::object();
  bool downstream = false;  // whether its runs make events
  BackfillState state = BackfillState::Running;
  std::string by;
  Instant created_at;
  std::vector<BackfillInterval> intervals;  // only those that it runs, in order
};

// What the scheduler keeps in the ledger beside runs. Thread-safe, durable when a call returns (but see Ledger::hold).
class ScheduleBook {
 public:
  explicit ScheduleBook(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  Result<std::vector<ScheduleMark>> marks();
  // Moves marks and makes the runs that their fires stand for, all or nothing: a fire makes one run, whatever dies.
  Result<void> fire(std::span<const ScheduleMark> marks, std::span<const Run> runs);

  Result<std::vector<Pause>> pauses();
  Result<void> pause(const Pause& pause);
  Result<void> resume(std::string_view pipeline);

  // What tables attempts have written; a second time for the same attempt changes nothing.
  Result<void> record_writes(std::span<const TableWrite> writes);
  // The events that the end of a run, or of an attempt that succeeded, makes. They belong to their run's environment; a
  // run, a task and a source make one.
  Result<void> append_events(std::span<const Event> events);
  // A consumer begins with what happens after it is known first. It sees the events of its environment.
  Result<void> know_consumer(std::string_view consumer, std::span<const std::string> sources,
                             std::string_view environment = {});
  // What a consumer has not consumed yet of these sources, in order.
  Result<std::vector<Event>> unconsumed(std::string_view consumer, std::span<const std::string> sources,
                                        std::string_view environment = {});
  // Makes the consumer's run, notes its events and moves the offsets of the run's environment, all or nothing.
  Result<void> consume(const Run& run, std::string_view consumer, std::span<const Event> events);
  Result<std::vector<Event>> events_of(const RunId& run);
  // The events that a run has made.
  Result<std::vector<Event>> events_by(const RunId& run);

  Result<void> create_backfill(const Backfill& backfill);
  Result<void> set_backfill_state(std::string_view id, BackfillState state);
  // Makes the run of one of its intervals, all or nothing.
  Result<void> run_interval(std::string_view id, Instant from, const Run& run);
  Result<std::optional<Backfill>> find_backfill(std::string_view id);
  Result<std::vector<Backfill>> backfills(std::string_view pipeline, int limit);  // "" is all; newest first
  Result<std::vector<Backfill>> running_backfills();

  // The newest run of each interval of a pipeline that begins in [from, to).
  Result<std::vector<Run>> runs_of_intervals(std::string_view pipeline, Instant from, Instant to);
  // Queued runs, oldest first: what a restart finds to be started.
  Result<std::vector<Run>> queued_runs();
  // The runs that tasks of a run have started, oldest first.
  Result<std::vector<Run>> children_of(const RunId& parent);
  Result<std::optional<Run>> find_request(std::string_view request_key);
  // The newest runs of a pipeline that have ended, but `run`.
  Result<std::optional<Run>> last_ended(std::string_view pipeline, const RunId& before);

  Result<void> save_code_version(std::string_view hash, Instant seen_at, const Json& files);
  // The files of a version as a map of paths to the hashes of their texts; nothing when it is not known.
  Result<std::optional<Json>> code_version(std::string_view hash);

 private:
  Result<std::vector<BackfillInterval>> intervals_of(std::string_view id);

  std::shared_ptr<Store> store_;
};

}  // namespace weir::ledger
