#include "dbt/command.hpp"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace weir::dbt {
namespace {

const Places kPlaces{
    .project = "/p/dbt", .profiles = "/p/.weir/profile", .target = "/p/.weir/target", .logs = "/p/.weir/logs"};

std::string line(const Request& request) { return fmt::format("{}", fmt::join(arguments(request, kPlaces), " ")); }

TEST(Arguments, NameEveryPlaceAndWhatIsAsked) {
  EXPECT_EQ(
      line({.command = "build",
            .select = "+marts tag:daily",
            .exclude = "slow",
            .vars = {{"days", 3}},
            .full_refresh = true}),
      "--log-format json --log-level info --no-use-colors --no-send-anonymous-usage-stats build --project-dir /p/dbt "
      "--profiles-dir /p/.weir/profile --profile weir --log-path /p/.weir/logs --target-path /p/.weir/target "
      "--select +marts tag:daily --exclude slow --vars {\"days\":3} --full-refresh");
}

TEST(Arguments, TwoWordsOfACommandAreTwo) {
  const auto words = arguments({.command = "docs generate"}, kPlaces);
  ASSERT_GT(words.size(), 8u);
  EXPECT_EQ(words[6], "docs");
  EXPECT_EQ(words[7], "generate");
}

// `dbt debug --target-path` is a usage error.
TEST(Arguments, CommandsWithoutArtifactsGetNoTargetPath) {
  EXPECT_EQ(line({.command = "debug"}).find("--target-path"), std::string::npos);
  EXPECT_EQ(line({.command = "deps"}).find("--target-path"), std::string::npos);
}

TEST(CheckRequest, RefusesWhatTheCommandDoesNotTake) {
  const auto message = [](const Request& request) {
    const auto checked = check_request(request);
    return checked.ok() ? std::string{} : checked.error().message();
  };
  EXPECT_EQ(message({.command = "test", .select = "a", .exclude = "b"}), "");
  EXPECT_EQ(message({.command = "test", .full_refresh = true}), "dbt test does not take full_refresh");
  EXPECT_EQ(message({.command = "debug", .select = "a"}), "dbt debug does not take select");
  EXPECT_EQ(message({.command = "deps", .exclude = "a"}), "dbt deps does not take exclude");
  EXPECT_EQ(message({.command = "rum"}), "no such command of dbt: rum");
}

}  // namespace
}  // namespace weir::dbt
