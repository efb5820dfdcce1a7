#include "connectors/clickhouse/mirror.hpp"

#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

using data::Kind;
using data::Nullable;

std::string mirrored(data::Type type, Nullable nullable, std::string_view native) {
  const auto result = mirrored_type({"c", std::move(type), nullable}, native);
  return result.type + (result.comparable ? "" : ", not compared");
}

data::Type strings(Nullable elements) { return data::list_of(data::type_of(Kind::String), elements); }

TEST(MirroredType, ValuesThatTheEngineParsesKeepTheirTypes) {
  EXPECT_EQ(mirrored(data::type_of(Kind::Int64), Nullable::No, "bigint"), "Int64");
  EXPECT_EQ(mirrored(data::type_of(Kind::Bool), Nullable::Yes, "boolean"), "Nullable(Bool)");
  EXPECT_EQ(mirrored(data::decimal(12, 2), Nullable::Yes, "numeric(12,2)"), "Nullable(Decimal(12, 2))");
  EXPECT_EQ(mirrored(data::timestamp(data::TimeUnit::Micro, "UTC"), Nullable::No, "timestamp with time zone"),
            "DateTime64(6, 'UTC')");
}

TEST(MirroredType, OthersAreTheirText) {
  EXPECT_EQ(mirrored(data::type_of(Kind::String), Nullable::No, "numeric"), "String");
  EXPECT_EQ(mirrored(data::type_of(Kind::Json), Nullable::Yes, "jsonb"), "Nullable(String)");
  EXPECT_EQ(mirrored(data::type_of(Kind::Binary), Nullable::No, "bytea"), "String");
}

TEST(MirroredType, TextsThatDifferFromThoseOfAReconciliationAreNotCompared) {
  EXPECT_EQ(mirrored(data::type_of(Kind::Json), Nullable::No, "crm.address"), "String, not compared");
  EXPECT_EQ(mirrored(data::type_of(Kind::Interval), Nullable::No, "interval"), "String, not compared");
  EXPECT_EQ(mirrored(data::time_of(data::TimeUnit::Micro), Nullable::No, "time without time zone"),
            "String, not compared");
  EXPECT_EQ(mirrored(data::type_of(Kind::String), Nullable::No, "character(5)"), "String, not compared");
  EXPECT_EQ(mirrored(data::decimal(19, 2), Nullable::No, "money"), "String, not compared");
}

TEST(MirroredType, ArraysCannotBeNull) {
  EXPECT_EQ(mirrored(strings(Nullable::Yes), Nullable::No, "text[]"), "Array(Nullable(String))");
  EXPECT_EQ(mirrored(strings(Nullable::Yes), Nullable::Yes, "text[]"), "Array(Nullable(String)), not compared");
  EXPECT_EQ(mirrored(data::list_of(data::type_of(Kind::Interval), Nullable::Yes), Nullable::Yes, "interval[]"),
            "Nullable(String), not compared");
}

}  // namespace
}  // namespace weir::clickhouse
