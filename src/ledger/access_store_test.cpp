#include "ledger/access_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/id.hpp"

namespace weir::ledger {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{std::chrono::seconds{1'780'000'000}};

class AccessStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("access-" + generate_run_id(system_clock().now()).text());
    auto opened = AccessStore::open(folder_);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    store_ = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void add(const std::string& name, Role role) {
    ASSERT_TRUE(
        store_->add_user({.name = name, .role = role, .password_hash = "hash of " + name, .created_at = kNow}).ok());
  }

  std::filesystem::path folder_;
  std::unique_ptr<AccessStore> store_;
};

TEST_F(AccessStoreTest, IsReadableForItsOwnerOnly) {
  add("ann", Role::Admin);
  for (const auto* name : {"access.sqlite3", "access.sqlite3-wal"}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder_ / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(AccessStoreTest, KeepsUsersAlsoForOtherProcesses) {
  EXPECT_FALSE(*store_->has_users());
  add("ann", Role::Admin);
  add("bob", Role::Viewer);
  const auto other = AccessStore::open(folder_);
  ASSERT_TRUE(other.ok());
  const auto found = (*other)->find_user("bob");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->role, Role::Viewer);
  EXPECT_EQ((*found)->password_hash, "hash of bob");
  EXPECT_TRUE(*(*other)->has_users());
  EXPECT_EQ((*other)->add_user({.name = "bob", .created_at = kNow}).error().code(), Code::AlreadyExists);
}

TEST_F(AccessStoreTest, KeepsAnAdminWhileThereAreUsers) {
  add("ann", Role::Admin);
  EXPECT_EQ(store_->change_user("ann", Role::Viewer, {}).error().code(), Code::Conflict);
  add("bob", Role::Viewer);
  EXPECT_EQ(store_->remove_user("ann").error().code(), Code::Conflict);
  ASSERT_TRUE(store_->change_user("bob", Role::Admin, {}).ok());
  ASSERT_TRUE(store_->remove_user("ann").ok());
  ASSERT_TRUE(store_->remove_user("bob").ok());
  EXPECT_FALSE(*store_->has_users());
  EXPECT_EQ(store_->remove_user("bob").error().code(), Code::NotFound);
}

TEST_F(AccessStoreTest, EndsSessionsByTimeAndByAChangeOfTheUser) {
  add("ann", Role::Admin);
  add("bob", Role::Operator);
  ASSERT_TRUE(store_->add_session({"h1", "bob", kNow, kNow + 1h}).ok());
  ASSERT_TRUE(store_->add_session({"h2", "ann", kNow, kNow + 1h}).ok());
  const auto found = store_->find_session("h1", kNow + 59min);
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->name, "bob");
  EXPECT_EQ((*store_->find_user("bob"))->last_seen_at, kNow + 59min);
  EXPECT_FALSE(store_->find_session("h1", kNow + 1h)->has_value());
  EXPECT_FALSE(store_->find_session("other", kNow)->has_value());
  ASSERT_TRUE(store_->change_user("bob", {}, "another hash").ok());
  EXPECT_FALSE(store_->find_session("h1", kNow)->has_value());
  EXPECT_TRUE(store_->find_session("h2", kNow)->has_value());
  ASSERT_TRUE(store_->remove_session("h2").ok());
  EXPECT_FALSE(store_->find_session("h2", kNow)->has_value());
}

TEST_F(AccessStoreTest, GivesTokensNoMoreRightsThanTheirUserHas) {
  add("ann", Role::Admin);
  add("bob", Role::Operator);
  ASSERT_TRUE(store_
                  ->add_token({.id = "t1",
                               .name = "ci",
                               .user = "bob",
                               .role = Role::Operator,
                               .hash = "x",
                               .created_at = kNow,
                               .expires_at = kNow + 1h})
                  .ok());
  EXPECT_EQ((*store_->find_token("x", kNow))->role, Role::Operator);
  EXPECT_FALSE(store_->find_token("x", kNow + 1h)->has_value());
  ASSERT_TRUE(store_->change_user("bob", Role::Viewer, {}).ok());
  EXPECT_EQ((*store_->find_token("x", kNow))->role, Role::Viewer);
  ASSERT_TRUE(store_->remove_user("bob").ok());
  EXPECT_TRUE(store_->tokens()->empty());
  EXPECT_EQ(store_->remove_token("t1").error().code(), Code::NotFound);
}

TEST_F(AccessStoreTest, PagesTheAuditLogBackwards) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(
        store_->record(AuditEntry{.at = kNow, .user = "ann", .action = "run.trigger", .object = std::to_string(i)})
            .ok());
  }
  const auto first = store_->audit({.before = {}, .limit = 2});
  ASSERT_EQ(first->size(), 2U);
  EXPECT_EQ((*first)[0].object, "4");
  const auto second = store_->audit({.before = (*first)[1].sequence, .limit = 10});
  ASSERT_EQ(second->size(), 3U);
  EXPECT_EQ((*second)[0].object, "2");
}

TEST_F(AccessStoreTest, KeepsTheLastQueriesOfEachUser) {
  for (int i = 0; i < 203; ++i) {
    ASSERT_TRUE(
        store_->record(QueryRecord{.at = kNow, .user = "ann", .connection = "w", .sql = std::to_string(i), .rows = 7})
            .ok());
  }
  ASSERT_TRUE(store_->record(QueryRecord{.at = kNow, .user = "bob", .connection = "w", .sql = "b"}).ok());
  const auto kept = store_->queries("ann", {.before = {}, .limit = 500});
  ASSERT_EQ(kept->size(), 200U);
  EXPECT_EQ(kept->front().sql, "202");
  EXPECT_EQ(kept->front().rows, 7U);
  EXPECT_EQ(kept->back().sql, "3");
  EXPECT_EQ(store_->queries("bob", {})->size(), 1U);
}

}  // namespace
}  // namespace weir::ledger
