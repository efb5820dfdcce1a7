#include "base/owner.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace weir {
namespace {

TEST(Owner, OneThatNobodyHasTakenNoteOfIsDead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const auto child = ::fork();
  if (child == 0) {
    const auto owner = make_owner();
    ::_exit(::write(ends[1], owner.data(), owner.size()) == static_cast<ssize_t>(owner.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string owner(200, '\0');
  const auto size = ::read(ends[0], owner.data(), owner.size());
  ::close(ends[0]);
  ASSERT_GT(size, 0);
  owner.resize(static_cast<std::size_t>(size));
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(owner_state(owner), OwnerState::Dead);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(owner_state(owner), OwnerState::Dead);
  EXPECT_EQ(owner_state(make_owner()), OwnerState::Alive);
}

}  // namespace
}  // namespace weir
