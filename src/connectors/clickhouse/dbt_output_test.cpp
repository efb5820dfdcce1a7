#include "connectors/clickhouse/dbt_output.hpp"

#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

TEST(ClickHouseDbtOutput, IsTheAddressWithoutThePassword) {
  const auto output = dbt_output(Settings{{{"url", "https://ann:s3cret@ch.example.com/path"},
                                           {"database", "marts"},
                                           {"cluster", "all"},
                                           {"settings", {{"max_threads", 4}, {"log_queries", true}}}}});
  ASSERT_TRUE(output.ok()) << output.error().explain();
  EXPECT_EQ(output->adapter, "clickhouse");
  EXPECT_EQ(output->password.reveal(), "s3cret");
  EXPECT_EQ(
      to_text(output->fields),
      R"({"driver":"http","host":"ch.example.com","port":443,"secure":true,"user":"ann","schema":"marts","connect_timeout":10,)"
      R"("cluster":"all","custom_settings":{"max_threads":"4","log_queries":"1"}})");
}

TEST(ClickHouseDbtOutput, PortsAndAddressesOfEveryForm) {
  const auto fields = [](const char* url) { return dbt_output(Settings{{{"url", url}}}).value().fields; };
  EXPECT_EQ(fields("http://127.0.0.1:36959")["port"], 36959);
  EXPECT_EQ(fields("http://127.0.0.1:36959")["secure"], false);
  EXPECT_EQ(fields("http://[::1]:8123/")["host"], "::1");
  EXPECT_EQ(fields("http://[::1]:8123/")["port"], 8123);
  EXPECT_EQ(dbt_output(Settings{{{"url", "http://host:eighty"}}}).error().code(), Code::InvalidProject);
  EXPECT_EQ(dbt_output(Settings{{{"url", "https://host"}, {"ca_file", "ca.pem"}}}).error().code(), Code::Unsupported);
}

}  // namespace
}  // namespace weir::clickhouse
