#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/clickhouse/live_server.hpp"
#include "data/text.hpp"

namespace weir::clickhouse::testing {

using Strings = std::vector<std::string>;

class ClickhouseLive : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(LiveServer::instance().ready());
    database_ = *connector_.open_database(LiveServer::instance().context());
    source_ = *connector_.open_source(LiveServer::instance().context());
    sink_ = *connector_.open_sink(LiveServer::instance().context());
    table_ = std::string{"t_"} + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  void run(const std::string& sql) {
    const auto done = database_->execute(sql, {});
    ASSERT_TRUE(done.ok()) << sql << "\n" << done.error().explain();
  }
  // Rows as text, fields separated by " | ".
  std::vector<std::string> rows(const std::string& sql) {
    const auto batches = flow::select_all(*database_, sql, {});
    if (!batches.ok()) {
      ADD_FAILURE() << sql << "\n" << batches.error().explain();
      return {};
    }
    std::vector<std::string> rows;
    for (const auto& batch : *batches) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        std::string text;
        for (const auto& column : batch.columns()) {
          if (!text.empty()) text += " | ";
          text += column.is_null(row) ? "NULL" : data::value_text(column, row);
        }
        rows.push_back(std::move(text));
      }
    }
    return rows;
  }
  std::string value(const std::string& sql) {
    const auto all = rows(sql);
    return all.size() == 1 ? all[0] : fmt::format("{} rows", all.size());
  }

  flow::Connector connector_ = clickhouse_connector();
  std::unique_ptr<flow::Database> database_;
  std::unique_ptr<flow::Source> source_;
  std::unique_ptr<flow::Sink> sink_;
  std::string table_;
};

}  // namespace weir::clickhouse::testing
