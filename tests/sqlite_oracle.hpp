#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <string>

namespace weir::testing {

// SQLite in memory: an independent opinion on what totals must be. Failures are test failures.
class Sqlite {
 public:
  Sqlite();
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  void run(const std::string& sql);
  long long number(const std::string& sql);
  // "a,1\nb,2\n": no quotes, NULL is empty.
  std::string lines(const std::string& sql);
  sqlite3* handle() { return handle_; }

  // Every document of a recording (docs/http.md) as a row of documents(resource, json): of an answer that is a list, of the
  // list "docs" of one that is a page, or the answer itself. The resource is the last name of the URL's path, or that before
  // "query", without an extension.
  void load_recording(const std::filesystem::path& folder);

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace weir::testing
