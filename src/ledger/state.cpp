#include "ledger/state.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"

namespace weir::ledger {

namespace {

constexpr std::array<std::pair<RunState, std::string_view>, 7> kRunNames{{
    {RunState::Queued, "queued"},
    {RunState::Running, "running"},
    {RunState::Cancelling, "cancelling"},
    {RunState::Succeeded, "succeeded"},
    {RunState::Failed, "failed"},
    {RunState::Cancelled, "cancelled"},
    {RunState::Lost, "lost"},
}};

constexpr std::array<std::pair<AttemptState, std::string_view>, 8> kAttemptNames{{
    {AttemptState::Queued, "queued"},
    {AttemptState::Running, "running"},
    {AttemptState::Cancelling, "cancelling"},
    {AttemptState::Succeeded, "succeeded"},
    {AttemptState::Failed, "failed"},
    {AttemptState::Cancelled, "cancelled"},
    {AttemptState::Skipped, "skipped"},
    {AttemptState::Lost, "lost"},
}};

// A cancelling run or attempt may still succeed or fail: it was nearly done when the request came.
constexpr std::pair<RunState, RunState> kRunTransitions[] = {
    {RunState::Queued, RunState::Running},     {RunState::Queued, RunState::Failed},
    {RunState::Queued, RunState::Cancelled},   {RunState::Queued, RunState::Lost},
    {RunState::Running, RunState::Cancelling}, {RunState::Running, RunState::Succeeded},
    {RunState::Running, RunState::Failed},     {RunState::Running, RunState::Cancelled},
    {RunState::Running, RunState::Lost},       {RunState::Cancelling, RunState::Succeeded},
    {RunState::Cancelling, RunState::Failed},  {RunState::Cancelling, RunState::Cancelled},
    {RunState::Cancelling, RunState::Lost},    {RunState::Lost, RunState::Running},
    {RunState::Failed, RunState::Running},     {RunState::Cancelled, RunState::Running},
    {RunState::Lost, RunState::Queued},        {RunState::Failed, RunState::Queued},
    {RunState::Cancelled, RunState::Queued},   {RunState::Succeeded, RunState::Running},
    {RunState::Succeeded, RunState::Queued},
};

constexpr std::pair<AttemptState, AttemptState> kAttemptTransitions[] = {
    {AttemptState::Queued, AttemptState::Running},       {AttemptState::Queued, AttemptState::Failed},
    {AttemptState::Queued, AttemptState::Cancelled},     {AttemptState::Queued, AttemptState::Skipped},
    {AttemptState::Queued, AttemptState::Lost},          {AttemptState::Running, AttemptState::Cancelling},
    {AttemptState::Running, AttemptState::Succeeded},    {AttemptState::Running, AttemptState::Failed},
    {AttemptState::Running, AttemptState::Cancelled},    {AttemptState::Running, AttemptState::Lost},
    {AttemptState::Cancelling, AttemptState::Succeeded}, {AttemptState::Cancelling, AttemptState::Failed},
    {AttemptState::Cancelling, AttemptState::Cancelled}, {AttemptState::Cancelling, AttemptState::Lost},
};

template <typename Names, typename State>
std::string_view name_in(const Names& names, State state) {
  const auto found = std::ranges::find(names, state, &Names::value_type::first);
  WEIR_CHECK(found != names.end());
  return found->second;
}

template <typename Names>
auto parse_in(const Names& names, std::string_view text) -> std::optional<typename Names::value_type::first_type> {
  const auto found = std::ranges::find(names, text, &Names::value_type::second);
  if (found == names.end()) return std::nullopt;
  return found->first;
}

}  // namespace

std::string_view name(RunState state) { return name_in(kRunNames, state); }
std::string_view name(AttemptState state) { return name_in(kAttemptNames, state); }

std::optional<RunState> parse_run_state(std::string_view text) { return parse_in(kRunNames, text); }
std::optional<AttemptState> parse_attempt_state(std::string_view text) { return parse_in(kAttemptNames, text); }

bool may_follow(RunState from, RunState to) {
  return std::ranges::find(kRunTransitions, std::pair{from, to}) != std::end(kRunTransitions);
}

bool may_follow(AttemptState from, AttemptState to) {
  return std::ranges::find(kAttemptTransitions, std::pair{from, to}) != std::end(kAttemptTransitions);
}

bool has_ended(RunState state) {
  return state != RunState::Queued && state != RunState::Running && state != RunState::Cancelling;
}

bool has_ended(AttemptState state) {
  return state != AttemptState::Queued && state != AttemptState::Running && state != AttemptState::Cancelling;
}

}  // namespace weir::ledger
