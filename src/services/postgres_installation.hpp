#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace weir::services {

// One version of PostgreSQL's server programs on this machine.
struct PostgresInstallation {
  std::filesystem::path folder;  // with initdb and postgres in it
  int major = 0;
  std::string version;  // "15.20"
};

// All that are found, newest first. In $WEIR_POSTGRES_BIN when it is set, and there only; else where distributions put
// them, where pg_config says, and in PATH.
std::vector<PostgresInstallation> find_postgres_installations();

// "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)" → 15 and "15.20". Major 0: not such a text.
PostgresInstallation parse_postgres_version(const std::string& text);

// The one that can run the data of `data_major` (0: there is no data yet, the newest is taken). `data_folder` and
// `service` are for the error, which says what made the data, what is installed and what to do.
Result<PostgresInstallation> choose_postgres(const std::vector<PostgresInstallation>& installed, int data_major,
                                             const std::filesystem::path& data_folder, const std::string& service);

}  // namespace weir::services
