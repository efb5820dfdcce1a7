#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "services/postgres_installation.hpp"
#include "services/start.hpp"

namespace weir::services {

// Who runs a PostgreSQL server, and on which folder.
struct PostgresPlace {
  std::filesystem::path data;
  std::string user;  // "": we ourselves; else root becomes this user, since PostgreSQL refuses to run as root
  uid_t uid = 0;
  gid_t gid = 0;
  int data_major = 0;  // the version that made the data; 0: there is none yet
};

// Decides where the data lies. A plain user's is .weir/services/NAME. Root's too, when the user that PostgreSQL runs as
// can enter that folder; otherwise (a project under /root) it is /var/lib/weir/HASH/NAME, and .weir/services/NAME.data
// points there. Data that exists stays where it is.
Result<PostgresPlace> place_postgres(const StartRequest& request);

// Makes the data folder: initdb, scram-sha-256 for every way in, checksums, UTF-8, the service's database. It is built
// beside its place and renamed, so that a half-made one is never taken for data.
Result<void> make_postgres_data(const StartRequest& request, const PostgresPlace& place,
                                const PostgresInstallation& installation, const Secret& password, int log);

// Gives the role weir this password, for when the file that kept the old one is lost.
Result<void> reset_postgres_password(const StartRequest& request, const PostgresPlace& place,
                                     const PostgresInstallation& installation, const Secret& password, int log);

// Writes weir.conf, which postgresql.conf includes: what users set below that line or with ALTER SYSTEM wins.
Result<void> configure_postgres(const PostgresPlace& place);

// As SQL and PostgreSQL's lists of folders quote a name: "shop", with quotes inside doubled.
std::string quote_identifier(const std::string& name);

// What the server may use of the machine, or of the container that it runs in.
enum class SharedMemory { Ample, Scarce };
struct Machine {
  std::uint64_t memory_bytes = 0;
  unsigned cores = 1;
  SharedMemory shared_memory = SharedMemory::Scarce;
};

// The text of weir.conf.
std::string postgres_configuration(const Machine& machine);

}  // namespace weir::services
