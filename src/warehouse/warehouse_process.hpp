#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"

// For the live tests: a warehouse in a process of its own, and requests to it.
namespace weir::warehouse {

constexpr std::string_view kTestPassword = "s3cret word";

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string body;
  bool complete = true;  // the body was not broken off

  std::string header(std::string_view name) const { return std::string(headers.find(name).value_or("")); }
};

class WarehouseProcess {
 public:
  // A fresh data folder under the test's temporary folder, or an existing one. Waits until it answers.
  explicit WarehouseProcess(std::filesystem::path data_folder, std::vector<std::string> arguments = {});
  ~WarehouseProcess();
  WarehouseProcess(const WarehouseProcess&) = delete;
  WarehouseProcess& operator=(const WarehouseProcess&) = delete;

  // POST / with the statement as its body.
  Answer query(std::string_view sql, std::string_view url_parameters = "", net::Headers headers = {}) const;
  Answer request(std::string method, std::string_view path_and_query, std::string_view body,
                 net::Headers headers = {}) const;
  // The body of a query that must succeed, without its last line end.
  std::string value(std::string_view sql, std::string_view url_parameters = "") const;
  // Sends a query on a connection of its own and reads nothing of its answer; closing the descriptor is leaving.
  Descriptor begin(std::string_view sql) const { return begin_part(sql, sql.size()); }
  // The same with a body that is announced as `bytes` long, of which this is the beginning.
  Descriptor begin_part(std::string_view sql, std::size_t bytes) const;

  void kill();
  // SIGTERM; the exit code, or minus the signal that ended it.
  int stop();
  // Until it ends; the same.
  int wait();
  pid_t pid() const { return pid_; }
  int port() const { return port_; }
  const std::filesystem::path& data_folder() const { return data_folder_; }
  std::string socket() const { return data_folder_.string() + ".sock"; }

  // Runs another process on the same data folder until it ends; its exit code and what it said.
  static std::pair<int, std::string> run_to_end(const std::filesystem::path& data_folder);

 private:
  std::filesystem::path data_folder_;
  pid_t pid_ = -1;
  int port_ = 0;
};

// A folder that does not exist yet.
std::filesystem::path fresh_folder(std::string_view name);
// Whether there is a library to test with.
bool library_is_there();

}  // namespace weir::warehouse
