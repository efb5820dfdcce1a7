#include "connectors/clickhouse/staging.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace weir::clickhouse {
namespace {

TEST(Staging, KnowsWhichOwnersLive) {
  const auto owner = make_owner();
  EXPECT_EQ(owner_state(owner), OwnerState::Alive);
  const auto machine = owner.substr(0, owner.find('_'));
  EXPECT_EQ(owner_state(machine + "_4194305_1_gone"), OwnerState::Dead);
  // The same process id given out again.
  EXPECT_EQ(owner_state(machine + "_" + std::to_string(::getpid()) + "_1_gone"), OwnerState::Dead);
  EXPECT_EQ(owner_state("0123456789abcdef_1_1_far"), OwnerState::Elsewhere);
}

TEST(Staging, NamesAreReadBack) {
  const auto table = beside({"shop", "sales"}, kStagingMark, "a_1_2_b");
  EXPECT_EQ(table.text(), "shop.sales__weir_staging_a_1_2_b");
  EXPECT_EQ(owner_in(table.name), "a_1_2_b");
  EXPECT_TRUE(is_internal_table(table.name));
  EXPECT_TRUE(is_internal_table("_weir_commits"));
  EXPECT_FALSE(is_internal_table("sales"));
}

}  // namespace
}  // namespace weir::clickhouse
