#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "data/text.hpp"
#include "flow/connector.hpp"

namespace weir::files {

// A project's folder that lives as long as a test.
class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("weir-{}-{}-{}", info->test_suite_name(), info->name(), ::getpid());
    std::filesystem::create_directories(folder_);
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& name, const std::string& text) {
    std::ofstream{folder_ / name, std::ios::binary} << text;
  }
  std::string get(const std::string& name) { return read_file(folder_ / name).value(); }

  std::filesystem::path folder_;
};

// Every row as its values' texts, null as "NULL".
inline std::vector<std::vector<std::string>> rows_of(const data::Batch& batch) {
  std::vector<std::vector<std::string>> rows(batch.rows());
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    for (const auto& column : batch.columns()) {
      rows[row].push_back(column.is_null(row) ? "NULL" : data::value_text(column, row));
    }
  }
  return rows;
}

}  // namespace weir::files
