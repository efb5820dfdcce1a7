#include "sqlite_oracle.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.hpp"
#include "base/json.hpp"

namespace weir::testing {

Sqlite::Sqlite() { EXPECT_EQ(sqlite3_open(":memory:", &handle_), SQLITE_OK); }
Sqlite::~Sqlite() { sqlite3_close(handle_); }

void Sqlite::run(const std::string& sql) {
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
      << sql << ": " << (message == nullptr ? "" : message);
  sqlite3_free(message);
}

long long Sqlite::number(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(handle_);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  const auto value = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  return value;
}

std::string Sqlite::lines(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
      << sql << ": " << sqlite3_errmsg(handle_);
  std::string text;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      if (i != 0) text += ',';
      const auto* cell = sqlite3_column_text(statement, i);
      if (cell != nullptr) text += reinterpret_cast<const char*>(cell);
    }
    text += '\n';
  }
  sqlite3_finalize(statement);
  return text;
}

void Sqlite::load_recording(const std::filesystem::path& folder) {
  run("CREATE TABLE answers (resource TEXT, json TEXT); CREATE TABLE IF NOT EXISTS documents (resource TEXT, json "
      "TEXT)");
  std::ifstream exchanges(folder / "exchanges.jsonl");
  EXPECT_TRUE(exchanges.good()) << folder;
  for (std::string line; std::getline(exchanges, line);) {
    const auto exchange = parse_json(line);
    ASSERT_TRUE(exchange.ok()) << line;
    std::filesystem::path path = exchange->at("url").get<std::string>();
    if (path.filename() == "query") path = path.parent_path();
    const auto body = read_file(folder / exchange->at("file").get<std::string>());
    ASSERT_TRUE(body.ok()) << line;
    const auto resource = path.stem().string();
    sqlite3_stmt* insert = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(handle_, "INSERT INTO answers VALUES (?, ?)", -1, &insert, nullptr), SQLITE_OK);
    sqlite3_bind_text(insert, 1, resource.data(), static_cast<int>(resource.size()), SQLITE_TRANSIENT);
    sqlite3_bind_text(insert, 2, body->data(), static_cast<int>(body->size()), SQLITE_TRANSIENT);
    EXPECT_EQ(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_finalize(insert);
  }
  run("INSERT INTO documents SELECT resource, value FROM answers a, json_each(a.json) WHERE json_type(a.json) = "
      "'array';"
      "INSERT INTO documents SELECT resource, value FROM answers a, json_each(a.json, '$.docs') "
      "WHERE json_type(a.json, '$.docs') = 'array';"
      "INSERT INTO documents SELECT resource, json FROM answers "
      "WHERE json_type(json) = 'object' AND json_type(json, '$.docs') IS NULL;"
      "DROP TABLE answers");
}

}  // namespace weir::testing
