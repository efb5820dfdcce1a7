#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

// libchdb, the ClickHouse engine as a library: its C ABI is declared in chdb.cpp and nowhere else.
namespace weir::warehouse {

// Query parameters ({name:Type}), as text in ClickHouse's escaped form.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// What a statement did, by the engine's own counters.
struct Statistics {
  double elapsed_seconds = 0;
  std::uint64_t result_rows = 0;
  std::uint64_t result_bytes = 0;
  std::uint64_t read_rows = 0;  // from storage
  std::uint64_t read_bytes = 0;
  std::uint64_t written_rows = 0;  // counts rows that deduplication then drops
  std::uint64_t written_bytes = 0;
};

// What the engine's parser says of a text.
struct Classification {
  enum class Effect : std::uint32_t { ReadOnly, Mutating, MutatingGlobal, Control, Unknown };
  std::uint32_t statements = 0;  // 0: it does not parse
  Effect effect = Effect::Unknown;
  bool has_secrets = false;
};

struct ChdbFunctions;  // the loaded symbols

// A materialised answer. Its bytes live as long as it does.
class ChdbResult {
 public:
  ChdbResult(const ChdbFunctions& functions, void* handle) : functions_(&functions), handle_(handle) {}
  ChdbResult(ChdbResult&& other) noexcept
      : functions_(other.functions_), handle_(std::exchange(other.handle_, nullptr)) {}
  ChdbResult& operator=(ChdbResult&& other) noexcept {
    std::swap(functions_, other.functions_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~ChdbResult();

  std::span<const std::byte> bytes() const;
  std::string_view text() const;
  Statistics statistics() const;

 private:
  const ChdbFunctions* functions_;
  void* handle_;
};

// An INSERT under way. Destroyed without finish(): cancelled (whole blocks may have landed).
class ChdbInsert {
 public:
  ChdbInsert(const ChdbFunctions& functions, void* handle) : functions_(&functions), handle_(handle) {}
  ChdbInsert(ChdbInsert&& other) noexcept
      : functions_(other.functions_), handle_(std::exchange(other.handle_, nullptr)) {}
  ChdbInsert& operator=(ChdbInsert&&) = delete;
  ~ChdbInsert();

  // Any piece of the data in the insert's format; blocks while the engine is behind.
  Result<void> append(std::span<const std::byte> bytes);
  // No more data: the rows are in the table when it returns.
  Result<Statistics> finish();

 private:
  Error error(std::string_view fallback) const;

  const ChdbFunctions* functions_;
  void* handle_;
};

// One engine connection: its own database, settings and temporary tables. One statement at a time.
class ChdbConnection {
 public:
  ChdbConnection(const ChdbFunctions& functions, void* handle) : functions_(&functions), handle_(handle) {}
  ChdbConnection(ChdbConnection&& other) noexcept
      : functions_(other.functions_), handle_(std::exchange(other.handle_, nullptr)) {}
  ChdbConnection& operator=(ChdbConnection&& other) noexcept {
    std::swap(functions_, other.functions_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~ChdbConnection();

  // Errors carry ClickHouse's code number as native_code and its text as message. `format` is used when the text names
  // none. Several statements separated by semicolons all run: the gate refuses them before.
  Result<ChdbResult> query(std::string_view sql, std::string_view format, const Parameters& parameters = {});
  // `head` is the INSERT without FORMAT and without data.
  Result<ChdbInsert> insert(std::string_view head, std::string_view format, const Parameters& parameters = {});
  Result<Classification> classify(std::string_view sql);

 private:
  void* connection() const;

  const ChdbFunctions* functions_;
  void* handle_;
};

// The loaded library. Never unloaded: its threads run on until the process ends. There is one storage path a process.
class Chdb {
 public:
  // Unavailable (System) with a hint when the file is missing or lacks a function.
  static Result<Chdb> load(const std::filesystem::path& library);
  // $WEIR_CHDB_LIBRARY, else the pinned version in the user's cache folder.
  static std::filesystem::path default_library();

  std::string version() const;
  // `arguments` as the clickhouse-local command line has them: "--path=…". Unknown ones are ignored by the engine; it
  // prints the reason of a failure on stderr only. Thread-safe.
  Result<ChdbConnection> connect(const std::vector<std::string>& arguments) const;

 private:
  explicit Chdb(std::shared_ptr<const ChdbFunctions> functions) : functions_(std::move(functions)) {}
  std::shared_ptr<const ChdbFunctions> functions_;
};

// "Code: 60. DB::Exception: …" → an Error with native_code "60".
Error parse_engine_error(std::string_view text);

}  // namespace weir::warehouse
