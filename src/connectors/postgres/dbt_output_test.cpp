#include "connectors/postgres/dbt_output.hpp"

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

TEST(PostgresDbtOutput, IsTheAddressWithoutThePassword) {
  const auto output = dbt_output(
      Settings{{{"url", "postgresql://ann:p%40ss@db.example.com:6543/shop?sslmode=require"}, {"schema", "marts"}}});
  ASSERT_TRUE(output.ok()) << output.error().explain();
  EXPECT_EQ(output->adapter, "postgres");
  EXPECT_EQ(output->password.reveal(), "p@ss");
  EXPECT_EQ(output->fields["host"], "db.example.com");
  EXPECT_EQ(output->fields["port"], 6543);
  EXPECT_EQ(output->fields["user"], "ann");
  EXPECT_EQ(output->fields["dbname"], "shop");
  EXPECT_EQ(output->fields["schema"], "marts");
  EXPECT_EQ(output->fields["sslmode"], "require");
  EXPECT_EQ(to_text(output->fields).find("p@ss"), std::string::npos);
}

TEST(PostgresDbtOutput, ManagedServersAreReachedByTheirSocket) {
  const auto output = dbt_output(Settings{{{"host", "/p/.weir/services/shop.run"},
                                           {"port", 5433},
                                           {"user", "weir"},
                                           {"password", "x"},
                                           {"database", "shop"}}});
  ASSERT_TRUE(output.ok()) << output.error().explain();
  EXPECT_EQ(output->fields["host"], "/p/.weir/services/shop.run");
  EXPECT_EQ(output->fields["port"], 5433);
  EXPECT_EQ(output->fields["schema"], "public");
}

TEST(PostgresDbtOutput, WhatDbtCannotSayIsRefusedByName) {
  const auto output = dbt_output(Settings{{{"url", "postgresql://ann@db/shop?target_session_attrs=read-write"}}});
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().code(), Code::Unsupported);
  EXPECT_NE(output.error().message().find("target_session_attrs"), std::string::npos);
}

}  // namespace
}  // namespace weir::postgres
