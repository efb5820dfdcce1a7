#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace weir {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error::user(Code::InvalidArgument, "odd number: {}", number);
  return number / 2;
}

Result<int> quarter(int number) {
  const int first = WEIR_TRY(half(number));
  return WEIR_TRY(half(first).while_doing("halving again"));
}

TEST(Result, TryYieldsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().text(), "odd number: 3 (halving again)");
  EXPECT_EQ(quarter(5).error().code(), Code::InvalidArgument);
}

TEST(ResultDeathTest, ReadingTheValueOfAnErrorStops) { EXPECT_DEATH((void)half(3).value(), "broken promise"); }

TEST(Error, TextNamesThePlaceAndExplainNamesWhoActs) {
  const auto error = Error::user(Code::InvalidProject, "unknown key: {}", "nmae")
                         .at({"weir.yml", 3, 5})
                         .at({"outer.yml", 1, 1})
                         .hint("did you mean name?");
  EXPECT_EQ(error.text(), "weir.yml:3:5: unknown key: nmae");
  EXPECT_EQ(error.explain(),
            "weir.yml:3:5: unknown key: nmae\n  where: in your project or command\n  hint:  did you mean name?");
}

TEST(Error, CodesHaveNamesThatParseBack) {
  for (int i = 0; i <= static_cast<int>(Code::Internal); ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_EQ(parse_code(name(code)), code) << name(code);
  }
}

TEST(Secret, PrintsAsStars) { EXPECT_EQ(fmt::format("{}", Secret{"hunter2"}), "***"); }

TEST(Redactor, ReplacesLongestSecretsFirst) {
  Redactor redactor;
  redactor.add(Secret{"pass"});
  redactor.add(Secret{"password1"});
  redactor.add(Secret{"abc"});
  EXPECT_EQ(redactor.redact("url://u:password1@h pass abc"), "url://u:***@h *** abc");
}

TEST(Clock, InstantsRoundTrip) {
  for (const auto* text : {"2026-03-01T12:45:00Z", "1969-12-31T23:59:59.999999Z", "2000-02-29T00:00:00Z"}) {
    ASSERT_TRUE(parse_instant(text).has_value()) << text;
    EXPECT_EQ(format_instant(*parse_instant(text)), text);
  }
  EXPECT_FALSE(parse_instant("2026-02-30").has_value());
  EXPECT_FALSE(parse_instant("2026-03-01T25:00:00Z").has_value());
}

TEST(Clock, DurationsParse) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("2d"), 48h);
  EXPECT_FALSE(parse_duration("5").has_value());
  EXPECT_FALSE(parse_duration("-5s").has_value());
}

TEST(File, WriteFileReplacesAndKeepsRights) {
  const auto path = std::filesystem::path{testing::TempDir()} / "weir_write_file_test";
  ASSERT_TRUE(write_file(path, "old", FileAccess::OwnerOnly).ok());
  ASSERT_TRUE(write_file(path, "new", FileAccess::OwnerOnly).ok());
  EXPECT_EQ(read_file(path).value(), "new");
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::remove(path);
  EXPECT_EQ(read_file(path).error().code(), Code::NotFound);
}

TEST(Json, MalformedTextIsAnErrorWithItsPosition) {
  EXPECT_EQ(parse_json("{\"a\": }").error().text(), "malformed JSON at byte 7");
}

}  // namespace
}  // namespace weir
