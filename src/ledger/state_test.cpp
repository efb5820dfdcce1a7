#include "ledger/state.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weir::ledger {
namespace {

constexpr RunState kRunStates[] = {RunState::Queued, RunState::Running,   RunState::Cancelling, RunState::Succeeded,
                                   RunState::Failed, RunState::Cancelled, RunState::Lost};
constexpr AttemptState kAttemptStates[] = {AttemptState::Queued,    AttemptState::Running, AttemptState::Cancelling,
                                           AttemptState::Succeeded, AttemptState::Failed,  AttemptState::Cancelled,
                                           AttemptState::Skipped,   AttemptState::Lost};

template <typename States>
std::string table_of(const States& states) {
  std::string table;
  for (const auto from : states) {
    table += std::string(name(from)) + ":";
    for (const auto to : states) {
      if (may_follow(from, to)) table += " " + std::string(name(to));
    }
    table += "\n";
  }
  return table;
}

TEST(State, RunsFollowTheTable) {
  EXPECT_EQ(table_of(kRunStates),
            "queued: running failed cancelled lost\n"
            "running: cancelling succeeded failed cancelled lost\n"
            "cancelling: succeeded failed cancelled lost\n"
            "succeeded: queued running\n"
            "failed: queued running\n"
            "cancelled: queued running\n"
            "lost: queued running\n");
}

TEST(State, AttemptsFollowTheTable) {
  EXPECT_EQ(table_of(kAttemptStates),
            "queued: running failed cancelled skipped lost\n"
            "running: cancelling succeeded failed cancelled lost\n"
            "cancelling: succeeded failed cancelled lost\n"
            "succeeded:\n"
            "failed:\n"
            "cancelled:\n"
            "skipped:\n"
            "lost:\n");
}

TEST(State, WhatHasEnded) {
  for (const auto state : kRunStates) {
    const bool runs = state == RunState::Queued || state == RunState::Running || state == RunState::Cancelling;
    EXPECT_EQ(has_ended(state), !runs) << name(state);
  }
  EXPECT_TRUE(has_ended(AttemptState::Skipped));
  EXPECT_FALSE(has_ended(AttemptState::Cancelling));
}

// What recovery does in one statement.
TEST(State, EveryUnfinishedAttemptMayBeLost) {
  for (const auto state : kAttemptStates)
    EXPECT_EQ(may_follow(state, AttemptState::Lost), !has_ended(state)) << name(state);
}

TEST(State, NamesReadBack) {
  for (const auto state : kRunStates) EXPECT_EQ(parse_run_state(name(state)), state);
  for (const auto state : kAttemptStates) EXPECT_EQ(parse_attempt_state(name(state)), state);
  EXPECT_EQ(parse_run_state("skipped"), std::nullopt);
  EXPECT_EQ(parse_attempt_state("done"), std::nullopt);
}

}  // namespace
}  // namespace weir::ledger
