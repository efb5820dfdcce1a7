#include "dbt/profile.hpp"

#include <gtest/gtest.h>

namespace weir::dbt {
namespace {

TEST(Profile, HoldsTheOutputAndNeverThePassword) {
  const flow::DbtOutput output{
      .adapter = "postgres",
      .fields = {{"host", "db"}, {"port", 5432}, {"user", "a{{b}}"}, {"custom", {{"x", "{% y %}"}}}},
      .password = Secret{"very-secret-word"}};
  const auto text = profile_text(output, "prod", 3);
  EXPECT_EQ(text.find("very-secret-word"), std::string::npos);
  EXPECT_EQ(text,
            R"({"weir":{"target":"prod","outputs":{"prod":{"type":"postgres","threads":3,"host":"db","port":5432,)"
            R"("user":"{% raw %}a{{b}}{% endraw %}","custom":{"x":"{% raw %}{% y %}{% endraw %}"},)"
            R"("password":"{{ env_var('DBT_ENV_SECRET_WEIR_PASSWORD') }}"}}}})"
            "\n");
}

}  // namespace
}  // namespace weir::dbt
