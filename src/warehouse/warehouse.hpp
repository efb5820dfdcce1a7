#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "warehouse/server_config.hpp"

namespace weir::warehouse {

struct WarehouseOptions {
  std::filesystem::path data_folder;
  std::filesystem::path library;        // "" is Chdb::default_library()
  std::string unix_socket;              // "" is none
  std::optional<int> port;              // none: no TCP; 0: any free port of 127.0.0.1
  std::filesystem::path password_file;  // its first line is the password of the user `default`
  std::filesystem::path ready_file;     // "" is none; written when the warehouse answers
  int ready_fd = -1;                    // -1 is none; gets the same line and is closed
  Durability durability = Durability::Fsync;
  std::uint64_t memory_bytes_max = 0;  // 0: half of the machine's
  int statements_max = 0;              // run at once; 0: by the number of cores
  std::vector<std::string> sources;    // see EngineSettings
};

// The body of `weir warehouse`: serves ClickHouse's HTTP interface until SIGTERM or SIGINT, then stops in order. When it
// answers, it says so in one JSON line {"port":…,"socket":…,"pid":…,"version":…}. Does not return: libchdb's threads
// crash in exit(), so the process ends with _exit. Exit codes: 0 stopped on request, 2 bad options, 3 it cannot start
// (another process holds the data folder, no library, no port); the reason is on stderr.
[[noreturn]] void run_warehouse(const WarehouseOptions& options);

}  // namespace weir::warehouse
