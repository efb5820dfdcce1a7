#include "connectors/clickhouse/server_error.hpp"

#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

TEST(ServerError, IsFoundInABody) {
  const auto found =
      find_exception("Code: 60. DB::Exception: Table default.x does not exist. (UNKNOWN_TABLE) (version 26.7.2.1)\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->code, 60);
  EXPECT_EQ(found->message, "Table default.x does not exist. (UNKNOWN_TABLE)");
}

TEST(ServerError, IsFoundBehindRowsOfABrokenStream) {
  const auto found = find_exception(
      "\x02\x01binary Code: rows\r\n__exception__\r\ntag\r\nCode: 395. DB::Exception: Value passed to 'throwIf' is "
      "non-zero. "
      "(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)\r\n__exception__\r\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->code, 395);
  EXPECT_EQ(found->message, "Value passed to 'throwIf' is non-zero. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)");
}

TEST(ServerError, IsFoundAsOldServersWriteIt) {
  const auto found = find_exception(
      "Code: 62, e.displayText() = DB::Exception: Syntax error: failed at position 8, e.what() = DB::Exception\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->code, 62);
  EXPECT_EQ(found->message, "Syntax error: failed at position 8");
}

TEST(ServerError, OtherTextIsNoException) {
  EXPECT_FALSE(find_exception("").has_value());
  EXPECT_FALSE(find_exception("DB::Exception: ").has_value());
  EXPECT_FALSE(find_exception("Code: x. DB::Exception: y").has_value());
  EXPECT_FALSE(find_exception("<html>502 Bad Gateway</html>").has_value());
}

TEST(ServerError, SaysWhoActsAndWhetherToTryAgain) {
  const auto error = [](int code) { return to_error({code, "x"}); };
  EXPECT_EQ(error(241).code(), Code::ResourceExhausted);
  EXPECT_EQ(error(241).retry(), Retry::Later);
  EXPECT_EQ(error(252).retry(), Retry::Later);
  EXPECT_EQ(error(60).code(), Code::NotFound);
  EXPECT_EQ(error(60).fault(), Fault::User);
  EXPECT_EQ(error(516).code(), Code::AccessDenied);
  EXPECT_EQ(error(497).code(), Code::AccessDenied);
  EXPECT_EQ(error(62).code(), Code::InvalidQuery);
  EXPECT_EQ(error(53).code(), Code::TypeMismatch);
  EXPECT_EQ(error(210).retry(), Retry::Reconnect);
  EXPECT_EQ(error(394).code(), Code::Cancelled);
  EXPECT_EQ(error(159).code(), Code::TimedOut);
  EXPECT_EQ(error(159).native_code(), "159");
}

}  // namespace
}  // namespace weir::clickhouse
