#pragma once

#include <optional>
#include <string_view>

namespace weir::ledger {

enum class RunState { Queued, Running, Cancelling, Succeeded, Failed, Cancelled, Lost };
enum class AttemptState { Queued, Running, Cancelling, Succeeded, Failed, Cancelled, Skipped, Lost };

std::string_view name(RunState state);
std::string_view name(AttemptState state);
std::optional<RunState> parse_run_state(std::string_view text);
std::optional<AttemptState> parse_attempt_state(std::string_view text);

// The one table of transitions. A run that has ended may run again, at once or when it is its turn: it is resumed or retried,
// after a success from a task on that somebody names. Every end of an attempt is final.
bool may_follow(RunState from, RunState to);
bool may_follow(AttemptState from, AttemptState to);
// Nothing runs any more; a run may still be resumed or retried.
bool has_ended(RunState state);
bool has_ended(AttemptState state);

}  // namespace weir::ledger
