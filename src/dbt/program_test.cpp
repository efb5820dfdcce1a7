#include "dbt/program.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.hpp"

namespace weir::dbt {
namespace {

namespace fs = std::filesystem;

// A virtual environment as pip makes it: a program and the metadata of packages.
class Venv : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_ / "project"); }
  void TearDown() override { fs::remove_all(folder_); }

  void program(const std::string& path) const {
    fs::create_directories((folder_ / path).parent_path());
    ASSERT_TRUE(write_file(folder_ / path, "#!/bin/sh\n").ok());
    fs::permissions(folder_ / path, fs::perms::owner_all);
  }
  void package(const std::string& name) const {
    fs::create_directories(folder_ / "venv/lib/python3.11/site-packages" / name);
  }
  Result<Program> find(const ProgramSettings& settings, const std::string& path = "/nowhere") const {
    return find_program(settings, "clickhouse", folder_ / "project", path);
  }

  const fs::path folder_ = fs::path{testing::TempDir()} / fmt::format("weir_dbt_program_{}", ::getpid());
};

TEST_F(Venv, VersionsAreThoseOfThePackagesBesideTheProgram) {
  program("venv/bin/dbt");
  package("dbt_core-1.10.13.dist-info");
  package("dbt_clickhouse-1.10.3.dist-info");
  package("dbt_clickhouse");
  const auto found = find({.executable = "", .venv = "../venv"});
  ASSERT_TRUE(found.ok()) << found.error().explain();
  EXPECT_EQ(found->core_version, "1.10.13");
  EXPECT_EQ(found->adapter_version, "1.10.3");
  EXPECT_TRUE(check_program(*found, "clickhouse").ok());
  fs::create_symlink(folder_ / "venv/bin/dbt", folder_ / "dbt");
  const auto linked = find({}, "/nowhere:" + folder_.string());
  ASSERT_TRUE(linked.ok()) << linked.error().explain();
  EXPECT_EQ(linked->executable, folder_ / "dbt");
  EXPECT_EQ(linked->core_version, "1.10.13");
}

TEST_F(Venv, WhatIsMissingIsNamedWithItsRemedy) {
  const auto nothing = find({});
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code(), Code::NotFound);
  EXPECT_EQ(nothing.error().message(), "dbt is not installed: no dbt in any folder of PATH");
  EXPECT_NE(nothing.error().hint().find("pip install 'dbt-core==1.10.*' dbt-clickhouse==1.10.3"), std::string::npos);
  EXPECT_NE(find({.executable = "", .venv = "empty"}).error().message().find("project/empty/bin/dbt"),
            std::string::npos);
  EXPECT_NE(find({.executable = "./tools/dbt", .venv = ""}).error().message().find("no program"), std::string::npos);
}

TEST_F(Venv, OldVersionsAndMissingAdaptersAreRefused) {
  program("venv/bin/dbt");
  package("dbt_core-1.7.18.dist-info");
  package("dbt_clickhouse-1.7.0.dist-info");
  auto found = find({.executable = "../venv/bin/dbt", .venv = ""});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(check_program(*found, "clickhouse").error().code(), Code::Unsupported);
  found->core_version = "1.12.0";
  EXPECT_TRUE(check_program(*found, "clickhouse").ok());
  found->core_version = "2.0.1";
  EXPECT_TRUE(check_program(*found, "clickhouse").ok());
  found->adapter_version.clear();
  EXPECT_EQ(check_program(*found, "clickhouse").error().code(), Code::NotFound);
}

// Another kind of installation than pip's: it has to show by running.
TEST_F(Venv, UnknownInstallationsAreTried) {
  program("bin/dbt");
  const auto found = find({.executable = "../bin/dbt", .venv = ""});
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->packages_known);
  EXPECT_TRUE(check_program(*found, "clickhouse").ok());
}

}  // namespace
}  // namespace weir::dbt
